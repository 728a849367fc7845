//! The catalogue of providers: sizes, rates, rounding, what is free; each dated and with its sources, from a TOML file of its own, a
//! bundled one or a caller's. Computes no bill.

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

/// A non-negative decimal number with up to 12 places, kept exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    /// The number times 10^12.
    units: u64,
}

impl Decimal {
    /// 10 to the number of places kept.
    pub const ONE: u64 = 1_000_000_000_000;

    /// The number times 10^12, a whole number.
    pub fn units(self) -> u64 {
        self.units
    }

    /// The nearest floating-point number.
    pub fn as_f64(self) -> f64 {
        self.units as f64 / Decimal::ONE as f64
    }

    fn parse(text: &str) -> Option<Decimal> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(places) || places.len() > 12 {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let places: u64 = format!("{places:0<12}").parse().ok()?;
        let units = whole.checked_mul(Decimal::ONE)?.checked_add(places)?;
        Some(Decimal { units })
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let text = String::deserialize(deserializer)?;
        Decimal::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is not a price: expected digits with at most 12 places, as in \"0.0000025\""
            ))
        })
    }
}

/// What memory is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Billed {
    /// The size of the function.
    #[default]
    Size,
    /// The memory used, rounded up to `used_step_mb`.
    Used,
}

/// One size, with the CPU that comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Megabytes of 2^20 bytes.
    pub mb: u64,
    /// CPUs, or the share of one.
    pub vcpu: Decimal,
    /// What the CPU rate is multiplied by: GHz or vCPU. 0 where CPU is not billed by itself.
    #[serde(default)]
    pub billed_cpu: Decimal,
}

/// Sizes in steps of 1 MB.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Continuous {
    /// Smallest size.
    pub least_mb: u64,
    /// Largest size.
    pub most_mb: u64,
    /// The size that is given one CPU; others in proportion.
    pub mb_per_vcpu: u64,
    /// Sizes that are listed.
    pub shown: Vec<u64>,
}

/// What is free each month, for all functions of an account together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Free {
    /// Calls.
    #[serde(default)]
    pub requests: u64,
    /// GB (2^30 bytes) times seconds.
    #[serde(default)]
    pub gb_seconds: u64,
    /// Units of `billed_cpu` times seconds.
    #[serde(default)]
    pub cpu_seconds: u64,
}

/// Calls that share an instance, which is billed once for them.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// At a time, at most.
    pub most: u32,
    /// Only in sizes of so many CPUs or more.
    #[serde(default)]
    pub least_vcpu: Decimal,
}

/// One provider.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// For scripts: `gcf-gen1`.
    pub key: String,
    /// For people: `Cloud Functions gen1`.
    pub name: String,
    /// The day of its prices: `2026-11-20`.
    pub dated: String,
    /// Where they are from.
    pub sources: Vec<String>,
    /// US dollars for one call.
    pub usd_per_request: Decimal,
    /// US dollars for one GB (2^30 bytes) and one second.
    pub usd_per_gb_second: Decimal,
    /// US dollars for one unit of `billed_cpu` and one second.
    #[serde(default)]
    pub usd_per_cpu_second: Decimal,
    /// Time is rounded up to whole steps.
    pub step_ms: u64,
    /// And is at least this.
    #[serde(default)]
    pub minimum_ms: u64,
    /// What memory is billed.
    #[serde(default)]
    pub billed: Billed,
    /// Where the memory used is billed: it is rounded up to whole steps, at least one.
    #[serde(default)]
    pub used_step_mb: u64,
    /// Whether calls can share an instance; where that is missing each is billed by itself.
    #[serde(default)]
    pub concurrency: Option<Concurrency>,
    /// What is free each month.
    #[serde(default)]
    pub free: Free,
    /// The sizes, ascending, where there are few.
    #[serde(default, rename = "size")]
    pub sizes: Vec<Size>,
    /// The sizes, where there is one for every megabyte.
    #[serde(default)]
    pub continuous: Option<Continuous>,
}

/// The providers that come with Fathom, in the order in which they are told.
const BUNDLED: [&str; 6] = [
    include_str!("providers/gcf-gen1.toml"),
    include_str!("providers/cloud-run.toml"),
    include_str!("providers/lambda-x86.toml"),
    include_str!("providers/lambda-arm.toml"),
    include_str!("providers/azure-consumption.toml"),
    include_str!("providers/azure-flex.toml"),
];

/// What is more than these is a slip, and would be no amount that can be reckoned with.
const MOST_USD: u64 = 1_000;
const MOST_MB: u64 = 1 << 24;
const MOST_CPUS: u64 = 10_000;
const MOST_MS: u64 = 86_400_000;
const MOST_CALLS: u32 = 10_000;

/// What providers charge.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    providers: Vec<Provider>,
}

/// Why a catalogue cannot be used.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// Not TOML, or not of this form.
    #[error("not a provider of the catalogue: {0}")]
    Form(#[from] toml::de::Error),
    /// A provider's entry contradicts itself.
    #[error("provider `{provider}`: {what}")]
    Provider {
        /// Its key.
        provider: String,
        /// What is wrong, and what was expected.
        what: &'static str,
    },
}

impl Catalogue {
    /// The catalogue that comes with Fathom; [`Catalogue::dated`] says of when it is.
    pub fn bundled() -> Catalogue {
        let empty = Catalogue {
            providers: Vec::new(),
        };
        BUNDLED.into_iter().fold(empty, |catalogue, text| {
            catalogue
                .with(text)
                .expect("a test reads every bundled file")
        })
    }

    /// With a provider in the form of the bundled ones, which takes the place of the one with the same key.
    ///
    /// # Errors
    /// Not TOML, an unknown or missing key, a price that is no decimal, or sizes that contradict each other.
    pub fn with(mut self, text: &str) -> Result<Catalogue, CatalogueError> {
        let provider: Provider = toml::from_str(text)?;
        provider.check().map_err(|what| CatalogueError::Provider {
            provider: provider.key.clone(),
            what,
        })?;
        let mut known = self.providers.iter_mut();
        match known.find(|known| known.key == provider.key) {
            Some(known) => *known = provider,
            None => self.providers.push(provider),
        }
        Ok(self)
    }

    /// The day of its oldest prices: `2026-11-20`.
    pub fn dated(&self) -> &str {
        let days = self
            .providers
            .iter()
            .map(|provider| provider.dated.as_str());
        days.min().unwrap_or_default()
    }

    /// The providers, in the order in which they are told.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }
}

impl Provider {
    fn check(&self) -> Result<(), &'static str> {
        let ascending = |sizes: &mut dyn Iterator<Item = u64>| sizes.is_sorted_by(|a, b| a < b);
        match &self.continuous {
            None if self.sizes.is_empty() => {
                return Err("no sizes: expected `size` or `continuous`");
            }
            Some(_) if !self.sizes.is_empty() => {
                return Err("both `size` and `continuous`: expected one of them");
            }
            Some(c) if c.mb_per_vcpu == 0 || c.least_mb == 0 || c.least_mb > c.most_mb => {
                return Err(
                    "`continuous` is empty: expected 0 < least_mb <= most_mb and mb_per_vcpu above 0",
                );
            }
            Some(c) if !ascending(&mut c.shown.iter().copied()) => {
                return Err("`shown` is not ascending");
            }
            Some(_) => {}
            None if !ascending(&mut self.sizes.iter().map(|s| s.mb)) => {
                return Err("sizes are not ascending");
            }
            None if self
                .sizes
                .iter()
                .any(|s| s.mb == 0 || s.vcpu == Decimal::default()) =>
            {
                return Err("a size of 0 MB or 0 vCPU");
            }
            None => {}
        }
        let day = self.dated.as_bytes();
        let is_day = day.len() == 10
            && day.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_day {
            return Err("`dated` is not a day: expected one as 2026-11-20");
        }
        let rates = [
            self.usd_per_request,
            self.usd_per_gb_second,
            self.usd_per_cpu_second,
        ];
        if rates
            .iter()
            .any(|rate| rate.units() > MOST_USD * Decimal::ONE)
        {
            return Err("a rate above 1000 US dollars");
        }
        let sizes = self.sizes.iter().map(|size| size.mb);
        let continuous = self
            .continuous
            .iter()
            .flat_map(|c| [c.most_mb, c.mb_per_vcpu]);
        let most = sizes.chain(continuous).chain([self.used_step_mb]).max();
        if most.is_some_and(|mb| mb > MOST_MB) {
            return Err("a size above 16777216 MB, which is 16 TB");
        }
        let is_many = |cpu: Decimal| cpu.units() > MOST_CPUS * Decimal::ONE;
        if self
            .sizes
            .iter()
            .any(|s| is_many(s.vcpu) || is_many(s.billed_cpu))
        {
            return Err("a size of more than 10000 CPUs");
        }
        if self.step_ms.max(self.minimum_ms) > MOST_MS {
            return Err("`step_ms` or `minimum_ms` is more than a day");
        }
        if self
            .concurrency
            .is_some_and(|shared| !(1..=MOST_CALLS).contains(&shared.most))
        {
            return Err("`concurrency.most` is not 1 to 10000 calls");
        }
        if self.concurrency.is_some() && self.billed == Billed::Used {
            return Err("memory used is billed, but `concurrency` shares a size");
        }
        if self.sources.is_empty() {
            return Err("no `sources`: expected where its prices are from");
        }
        if self.step_ms == 0 {
            return Err("`step_ms` is 0: expected at least 1");
        }
        if self.billed == Billed::Used && self.used_step_mb == 0 {
            return Err("memory used is billed, but `used_step_mb` is missing");
        }
        Ok(())
    }

    /// The smallest size that holds so many bytes; `None` where none does.
    pub fn size_for(&self, bytes: u64) -> Option<Size> {
        let mb = bytes.div_ceil(1 << 20);
        match &self.continuous {
            Some(c) => (mb <= c.most_mb).then(|| c.size(mb.max(c.least_mb))),
            None => self.sizes.iter().find(|s| s.mb >= mb).copied(),
        }
    }

    /// The largest size.
    pub fn largest(&self) -> Option<Size> {
        match &self.continuous {
            Some(c) => Some(c.size(c.most_mb)),
            None => self.sizes.last().copied(),
        }
    }

    /// The sizes to list, ascending; continuous ones are a selection, with the given ones among them.
    pub fn listed(&self, also: &[u64]) -> Vec<Size> {
        let Some(c) = &self.continuous else {
            return self.sizes.clone();
        };
        let mut mb: Vec<u64> = c.shown.iter().chain(also).copied().collect();
        mb.retain(|mb| (c.least_mb..=c.most_mb).contains(mb));
        mb.sort_unstable();
        mb.dedup();
        mb.into_iter().map(|mb| c.size(mb)).collect()
    }
}

impl Continuous {
    fn size(&self, mb: u64) -> Size {
        let share = u128::from(mb) * u128::from(Decimal::ONE) / u128::from(self.mb_per_vcpu);
        Size {
            mb,
            vcpu: Decimal {
                units: u64::try_from(share).unwrap_or(u64::MAX),
            },
            billed_cpu: Decimal::default(),
        }
    }
}
