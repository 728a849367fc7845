//! `fathom bench density`: what it compares. How well each does is measured by running it.

use crate::support::Place;

#[test]
fn the_same_calls_are_made_by_every_policy_and_none_is_lost() {
    let place = Place::new();
    let outcomes = place.json(&["bench", "density", "--calls", "150", "--json"]);
    let outcomes = outcomes.as_array().expect("an array");
    let policies: Vec<&str> = outcomes
        .iter()
        .filter_map(|o| o["policy"].as_str())
        .collect();
    let expected = [
        "one preset",
        "recommendation",
        "each call",
        "every need known",
    ];
    assert_eq!(policies, expected);
    for outcome in outcomes {
        assert_eq!(
            (&outcome["calls"], &outcome["failed"]),
            (&150.into(), &0.into()),
            "{outcome}"
        );
    }
    let waste = |position: usize| {
        outcomes[position]["waste_gb_seconds"]
            .as_f64()
            .expect("a number")
    };
    assert!(waste(2) < waste(0), "{outcomes:?}");
    assert!(waste(3) < waste(0), "{outcomes:?}");
}
