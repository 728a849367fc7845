//! The pages of a server: what an update brings, what is sorted how, whose stack a growth is, and that no name is markup. How
//! they look and behave in a browser is tried on the command line's side.

mod common;

use common::stacks::{HOSTILE, heap};
use report::{
    Context, Fleet, fleet_html,
    pages::{
        CallView, FleetView, FunctionNow, FunctionView, Needs, Recommended, ServerNow, Sort,
        call_page, fleet_page, fleet_update, function_page, function_update, problem_page,
    },
    rank,
};
use trace::{Bytes, Confidence, Growth, HeapSampling, Nanos, PhaseChange, Served, SizedBy, Trace};

fn function(name: &str) -> FunctionNow {
    FunctionNow {
        name: name.to_owned(),
        digest: "sha256:0".to_owned(),
        phase: "learning",
        stale_because: None,
        calls: 10,
        running: 0,
        failed: 0,
        limited: 0,
        timed_out: 0,
        cold: 1,
        mispredicted: 0,
        made_again: 0,
        needed: Some(Needs {
            median: Bytes::mib(2),
            p99: Bytes::mib(3),
            max: Bytes::mib(4),
        }),
        limit: Bytes::mib(64),
        sized_by: "the model, one by one",
        recommended: Some(Recommended {
            bytes: Bytes::mib(8),
            confidence: Confidence::Good,
            is_lower_bound: false,
        }),
        waste_byte_seconds: 1e6,
        wall_seconds: 5.0,
    }
}

fn fleet(functions: Vec<FunctionNow>, sort: Sort) -> FleetView {
    FleetView {
        address: String::new(),
        server: ServerNow {
            version: "1.2.3",
            up_seconds: 5.0,
            budget: Bytes::mib(1024),
            granted: Bytes(0),
            running: 0,
            waiting: 0,
            records_lost: 0,
        },
        functions,
        sort,
        find: String::new(),
    }
}

fn order(view: &FleetView) -> Vec<String> {
    let order = fleet_update(view).order.expect("there are rows");
    let name = |id: &String| id.trim_start_matches("function-").to_owned();
    order.iter().map(name).collect()
}

#[test]
fn what_could_be_given_back_comes_first_and_other_orders_can_be_had() {
    // 56 MiB of 64 for 5 s; 248 of 256 for 1 s; nothing known; as it should be.
    let small = function("small");
    let large = FunctionNow {
        limit: Bytes::mib(256),
        wall_seconds: 1.0,
        failed: 3,
        ..function("large")
    };
    let unknown = FunctionNow {
        recommended: None,
        waste_byte_seconds: 1e9,
        ..function("unknown")
    };
    let tight = FunctionNow {
        limit: Bytes::mib(8),
        calls: 99,
        ..function("tight")
    };
    let of = |sort| {
        let functions = vec![tight.clone(), unknown.clone(), large.clone(), small.clone()];
        order(&fleet(functions, sort))
    };
    assert_eq!(of(Sort::Saving), ["small", "large", "tight", "unknown"]);
    assert_eq!(of(Sort::Waste)[0], "unknown");
    assert_eq!(of(Sort::Failures)[0], "large");
    assert_eq!(of(Sort::Calls)[0], "tight");
    assert_eq!(of(Sort::Limit), ["large", "small", "unknown", "tight"]);
    assert_eq!(of(Sort::Name), ["large", "small", "tight", "unknown"]);
    for sort in Sort::ALL {
        assert_eq!(Sort::named(sort.name()), Some(sort));
    }
}

#[test]
fn functions_are_found_by_what_their_names_contain_and_links_keep_it() {
    let names = ["resize-Small", "resize-large", "thumb"];
    let mut view = fleet(names.map(function).to_vec(), Sort::Name);
    let is_form = |view: &FleetView| fleet_page(view).contains("role=\"search\"");
    // Three are seen at a glance.
    assert!(!is_form(&view));
    view.find = "RESIZE-".to_owned();
    assert!(is_form(&view));
    assert_eq!(order(&view), ["resize-Small", "resize-large"]);
    let page = fleet_page(&view);
    assert!(page.contains("data-events=\"/events?sort=name&amp;find=RESIZE%2D\""));
    assert!(page.contains("href=\"/?sort=calls&amp;find=RESIZE%2D\""));
    // Nothing is found: what comes next may be.
    view.find = "\"><b>&".to_owned();
    let page = fleet_page(&view);
    assert!(
        page.contains("No function's name contains <code>"),
        "{page}"
    );
    assert!(!page.contains("<b>"), "{page}");
    assert!(page.contains("find=%22%3E%3Cb%3E%26"), "{page}");
    let found = fleet_update(&view);
    assert!(found.order.is_none() && found.parts.contains_key("functions"));

    // More than are shown: that is told, and followed.
    let many = (0..201).map(|i| function(&format!("f{i}"))).collect();
    let mut view = fleet(many, Sort::Name);
    let sent = fleet_update(&view);
    assert!(
        sent.parts["hidden"].contains("1 more is"),
        "{}",
        sent.parts["hidden"]
    );
    view.functions.pop();
    let news = fleet_update(&view).since(&sent);
    assert!(
        news.parts["hidden"].contains(" hidden>"),
        "{}",
        news.parts["hidden"]
    );
}

#[test]
fn an_update_brings_what_has_changed_and_nothing_else() {
    let before = fleet(vec![function("one"), function("two")], Sort::Name);
    let sent = fleet_update(&before);
    assert!(fleet_update(&before).since(&sent).is_empty());

    let mut after = before.clone();
    after.functions[1].calls = 11;
    let news = fleet_update(&after).since(&sent);
    let ids: Vec<&String> = news.parts.keys().collect();
    // The row, and the sum of all calls.
    assert_eq!(ids, ["function-two", "tiles"]);
    assert_eq!(news.order, None);

    after.functions.push(function("three"));
    let news = fleet_update(&after).since(&sent);
    let order = news.order.expect("another order");
    assert_eq!(order, ["function-one", "function-three", "function-two"]);
    assert!(news.parts.contains_key("function-three"));
}

#[test]
fn a_part_is_what_the_page_has_in_that_place() {
    let view = view();
    let page = function_page(&view);
    let update = function_update(&view);
    assert!(!update.parts.contains_key("stacks"), "they are looked into");
    for (id, part) in &update.parts {
        assert!(page.contains(part), "{id}");
        assert!(part.contains(&format!("id=\"{id}\"")), "{id}: {part}");
    }
    let fleet = fleet(vec![function("one")], Sort::Waste);
    let page = fleet_page(&fleet);
    for (id, part) in &fleet_update(&fleet).parts {
        assert!(page.contains(part), "{id}");
    }
}

fn served(mut call: Trace, id: &str) -> Trace {
    call.served = Some(Served {
        id: id.to_owned(),
        dialect: "http".to_owned(),
        status: 200,
        cold: false,
        sized_by: SizedBy::Model,
        granted_first: Bytes::mib(30),
        granted: Bytes::mib(30),
        mispredicted: false,
        queued: Nanos(0),
        init: Nanos(0),
        total: Nanos(1),
        reused: 0,
    });
    call
}

fn view() -> FunctionView {
    let calls: Vec<Trace> = common::traces()
        .into_iter()
        .enumerate()
        .map(|(i, call)| served(call, &format!("call-{i}")))
        .collect();
    FunctionView {
        now: function("line-reader"),
        profile: common::profile(),
        plan: None,
        drift: None,
        phases: Vec::new(),
        context: Context::of_calls(&calls),
        calls,
        address: String::new(),
        call: None,
        applied: None,
    }
}

fn of_call(call: Trace) -> String {
    call_page(&CallView {
        call,
        profile: common::profile(),
        is_stored: true,
        is_deployed: true,
    })
}

/// What stands in the table of growths.
fn growths(page: &str) -> &str {
    let (_, from) = page.split_once("id=\"growths\"").expect("growths");
    from.split_once("id=\"variables\"").expect("what follows").0
}

#[test]
fn a_growth_has_the_stack_of_the_allocation_it_was_for() {
    let mut call = served(common::call("a.txt", 1_000, 1), "call-1");
    let mut profile = heap();
    let first = profile.events[0];
    // The event of `keep`, the second stack, is the first one after the growth.
    profile.events = vec![
        trace::HeapEvent {
            at: Nanos(10),
            stack: 0,
            ..first
        },
        trace::HeapEvent {
            at: Nanos(30),
            stack: 1,
            bytes: 70_000,
            ..first
        },
        trace::HeapEvent {
            at: Nanos(40),
            stack: 0,
            ..first
        },
    ];
    call.growths = vec![Growth {
        at: Nanos(20),
        to: Bytes::mib(2),
    }];
    call.heap_profile = Some(profile.clone());
    let page = of_call(call.clone());
    assert!(growths(&page).contains("words::keep"), "{}", growths(&page));
    assert!(!growths(&page).contains("words::read"));

    // Of sampled allocations one that is smaller than what is sampled on average may be another.
    profile.sampling = HeapSampling::Poisson {
        mean: Bytes(100_000),
    };
    call.heap_profile = Some(profile.clone());
    assert!(growths(&of_call(call.clone())).contains("not among the sampled"));
    profile.sampling = HeapSampling::Poisson {
        mean: Bytes(70_000),
    };
    call.heap_profile = Some(profile);
    assert!(growths(&of_call(call)).contains("words::keep"));
}

#[test]
fn no_name_is_markup() {
    let mut view = view();
    view.now.name = HOSTILE.to_owned();
    view.now.stale_because = Some(HOSTILE.to_owned());
    view.profile.function.name = HOSTILE.to_owned();
    view.profile.notes = vec![HOSTILE.to_owned()];
    view.call = Some(HOSTILE.to_owned());
    view.phases = vec![PhaseChange {
        unix_ms: 1,
        to: "stale".to_owned(),
        why: HOSTILE.to_owned(),
    }];
    for call in &mut view.calls {
        call.input.label = HOSTILE.to_owned();
        call.function.name = HOSTILE.to_owned();
        call.outcome = trace::Outcome::Failed;
        call.failure = Some(HOSTILE.to_owned());
        for observed in &mut call.observations {
            observed.variable = HOSTILE.to_owned();
        }
        if let Some(served) = &mut call.served {
            served.id = HOSTILE.to_owned();
            served.dialect = HOSTILE.to_owned();
        }
    }
    let mut call = view.calls[0].clone();
    let mut stacks = heap();
    for frame in &mut stacks.table.frames {
        frame.function = HOSTILE.to_owned();
        frame.file = Some(HOSTILE.to_owned());
    }
    call.heap_profile = Some(stacks);
    view.calls.push(call.clone());
    view.context = Context::of_calls(&view.calls);
    let fleet = fleet(vec![view.now.clone()], Sort::Name);
    for page in [
        function_page(&view),
        fleet_page(&fleet),
        of_call(call),
        problem_page(HOSTILE, HOSTILE, Some((HOSTILE, "/"))),
    ] {
        assert!(page.contains("alert(1)"), "it is said");
        assert!(!page.contains("<script>alert"), "it is markup");
        assert!(!page.contains('\u{1b}'), "it is a control character");
    }
}

#[test]
fn recorded_functions_are_ranked_by_what_they_hold_for_nothing() {
    // 48 MiB for 12 s, 240 MiB for 1.2 s, and nothing recommended.
    let of = |name: &str, today: u64, give: u64, wall: f64| {
        let mut profile = common::profile();
        profile.function.name = name.to_owned();
        let recommendation = profile.recommendation.as_mut().expect("one");
        recommendation.baseline_bytes = Bytes::mib(today);
        recommendation.allocation_bytes = Bytes::mib(give);
        profile.invocations.total = 12;
        Fleet {
            profile,
            context: Context {
                wall_seconds: Some(wall),
                ..Context::default()
            },
            report: None,
        }
    };
    let often = of("often", 64, 16, 1.0);
    let large = of("large", 256, 16, 0.1);
    let mut unknown = of(HOSTILE, 256, 16, 9.0);
    unknown.profile.recommendation = None;
    assert_eq!(often.saved_byte_seconds(), 48.0 * 12.0 * 1_048_576.0);
    let mut functions = vec![unknown, large, often];
    rank(&mut functions);
    let names: Vec<&str> = functions
        .iter()
        .map(|f| f.profile.function.name.as_str())
        .collect();
    assert_eq!(names, ["often", "large", HOSTILE]);
    let page = fleet_html(&functions);
    let (held, saved) = (64.0 * 12.0 + 256.0 * 1.2, 48.0 * 12.0 + 240.0 * 1.2);
    // Of the third nothing is known, so it is in neither sum.
    assert!(page.contains(&format!("{:.0} %", 100.0 * saved / held)));
    assert!(page.contains("alert(1)") && !page.contains("<script>alert"));
    assert!(!page.contains("<script"), "nothing is executed");
}
