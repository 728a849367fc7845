//! Queries in the language of Prometheus, put together from names of metrics: what is selected, and over which time. Only what
//! panels and rules ask for; it knows neither.

/// From where metrics are taken, and over how long a time.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    /// Matchers of labels; empty for everything.
    matchers: &'static str,
    /// Duration of the windows.
    window: &'static str,
    /// The label by which series are told apart.
    pub(super) each: &'static str,
}

impl Scope {
    /// The servers that are chosen, function by function.
    pub(super) const FLEET: Scope = Scope {
        matchers: r#"job=~"$job",instance=~"$instance""#,
        window: "$__rate_interval",
        each: "function",
    };

    /// The function that is chosen, server by server.
    pub(super) const FUNCTION: Scope = Scope {
        matchers: r#"job=~"$job",instance=~"$instance",function="$function""#,
        window: "$__rate_interval",
        each: "instance",
    };

    /// All there is, over a time of its own.
    pub(super) const fn all(window: &'static str) -> Scope {
        Scope {
            matchers: "",
            window,
            each: "job, instance, function",
        }
    }

    /// The series of a metric.
    pub(super) fn of(self, metric: &str) -> String {
        self.with(metric, "")
    }

    /// Those of them that have more labels.
    pub(super) fn with(self, metric: &str, more: &str) -> String {
        match (self.matchers, more) {
            ("", "") => metric.to_owned(),
            ("", one) | (one, "") => format!("{metric}{{{one}}}"),
            (all, more) => format!("{metric}{{{all},{more}}}"),
        }
    }

    /// The series of the servers, of which none has a function.
    pub(super) fn of_server(self, metric: &str) -> String {
        Scope::FLEET.of(metric)
    }

    /// What a counter has gained a second.
    pub(super) fn rate(self, counter: &str) -> String {
        self.rate_with(counter, "")
    }

    /// The same of series that have more labels.
    pub(super) fn rate_with(self, counter: &str, more: &str) -> String {
        format!("rate({}[{}])", self.with(counter, more), self.window)
    }

    /// What a counter has gained.
    pub(super) fn increase(self, counter: &str) -> String {
        format!("increase({}[{}])", self.of(counter), self.window)
    }

    /// A sum for each of what is told apart.
    pub(super) fn sum_each(self, what: &str) -> String {
        format!("sum by ({}) ({what})", self.each)
    }

    /// The largest for each of what is told apart.
    pub(super) fn max_each(self, metric: &str) -> String {
        format!("max by ({}) ({})", self.each, self.of(metric))
    }

    /// A share of one counter in another.
    pub(super) fn share(self, part: &str, whole: &str) -> String {
        format!("sum({}) / sum({})", self.rate(part), self.rate(whole))
    }

    /// The same for each of what is told apart.
    pub(super) fn share_each(self, part: &str, whole: &str) -> String {
        let (part, whole) = (self.rate(part), self.rate(whole));
        format!("{} / {}", self.sum_each(&part), self.sum_each(&whole))
    }

    /// What a share of the values of a histogram did not exceed, of all series together.
    pub(super) fn quantile(self, share: f64, histogram: &str) -> String {
        let buckets = self.rate(&format!("{histogram}_bucket"));
        format!("histogram_quantile({share}, sum by (le) ({buckets}))")
    }

    /// The same for each of what is told apart.
    pub(super) fn quantile_each(self, share: f64, histogram: &str) -> String {
        let buckets = self.rate(&format!("{histogram}_bucket"));
        let each = self.each;
        format!("histogram_quantile({share}, sum by ({each}, le) ({buckets}))")
    }

    /// The mean of the values of a histogram.
    pub(super) fn mean(self, histogram: &str) -> String {
        self.share(&format!("{histogram}_sum"), &format!("{histogram}_count"))
    }

    /// How many values came into each bucket of a histogram.
    pub(super) fn buckets(self, histogram: &str) -> String {
        let buckets = self.increase(&format!("{histogram}_bucket"));
        format!("sum by (le) ({buckets})")
    }
}
