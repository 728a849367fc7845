//! Calls added up, left out, and compared over machines.

use crate::common::stacks::{sampled, with_stacks};
use report::stacks::{By, Comparison, Folded, Measure, Merged, StackError, View, Who, similarity};
use trace::{HeapSampling, Trace};

fn merged(traces: &[Trace]) -> Merged {
    Merged::of(traces).expect("calls")
}

fn peak(merged: &Merged) -> Folded {
    merged
        .folded(View::AtPeak, Measure::Bytes, By::Line)
        .expect("stacks")
}

#[test]
fn calls_are_added_up_whatever_the_numbers_of_their_stacks() {
    let mut other = with_stacks("b.txt", "A");
    let heap = other.heap_profile.as_mut().expect("a profile");
    heap.table.stacks.reverse();
    heap.by_stack
        .iter_mut()
        .for_each(|at| at.stack = 1 - at.stack);
    let both = merged(&[with_stacks("a.txt", "A"), other]);
    assert_eq!(
        report::stacks::collapsed(&peak(&both)),
        "words::main (main.rs:10);words::keep (main.rs:40);malloc 2000\n\
         words::main (main.rs:10);words::read (main.rs:31);alloc::vec::Vec<T>::push (mod.rs:2500);malloc 4000\n"
    );
    assert_eq!(both.notes(View::AtPeak), Vec::<String>::new());
}

#[test]
fn exact_amounts_and_estimates_are_not_added() {
    let calls = [
        sampled("a.txt"),
        with_stacks("b.txt", "A"),
        sampled("c.txt"),
        crate::common::call("d.txt", 1000, 1),
    ];
    let sum = merged(&calls);
    assert!(matches!(sum.sampling(), Some(HeapSampling::Poisson { .. })));
    assert_eq!(peak(&sum).total(), 2.0 * 30_000.0);
    let notes = sum.notes(View::AtPeak).join("\n");
    assert!(notes.contains("2 of 4 calls have stacks"), "{notes}");
    assert!(notes.contains("1 exact calls are left out"), "{notes}");
}

#[test]
fn what_was_not_recorded_is_said_with_the_command_that_records_it() {
    let mut without = with_stacks("a.txt", "A");
    without.heap_profile = None;
    without.cpu_profile = None;
    let sum = merged(&[without.clone(), without]);
    let error = |view| {
        let folded = sum.folded(view, Measure::Bytes, By::Line);
        folded.expect_err("nothing there").to_string()
    };
    assert!(
        error(View::AtPeak).contains("none of 2 calls")
            && error(View::AtPeak).contains("--heap exact"),
        "{}",
        error(View::AtPeak)
    );
    assert!(error(View::Cpu).contains("--cpu"), "{}", error(View::Cpu));
    let mut given_back = with_stacks("a.txt", "A");
    let heap = given_back.heap_profile.as_mut().expect("a profile");
    heap.by_stack[1].at_end.bytes = 0.0;
    let nothing = merged(&[given_back]).folded(View::AtEnd, Measure::Bytes, By::Line);
    assert_eq!(nothing, Err(StackError::Nothing { view: View::AtEnd }));
}

/// By hand: at the peak A has 2/3 in `read` and 1/3 in `keep`, B 2/4 and 2/4. The smaller ones add up to 1/2 + 1/3.
#[test]
fn calls_of_two_machines_are_told_and_how_alike_they_are() {
    let a = with_stacks("a.txt", "A");
    let mut b = with_stacks("b.txt", "B");
    let heap = b.heap_profile.as_mut().expect("a profile");
    heap.by_stack[1].at_peak.bytes = 2000.0;
    let one = |trace: &Trace| peak(&merged(std::slice::from_ref(trace)));
    let share = similarity(&one(&a), &one(&b));
    assert!(
        (share.expect("both have some") - 5.0 / 6.0).abs() < 1e-12,
        "{share:?}"
    );
    let notes = merged(&[a.clone(), b.clone()])
        .notes(View::AtPeak)
        .join("\n");
    assert!(
        notes.contains("processor `A` and `B`")
            && notes.contains("similarity of their stacks 0.83"),
        "{notes}"
    );
    assert!(!notes.contains("kernel"), "the kernel is the same: {notes}");
    let (a_sum, b_sum) = (one(&a), one(&b));
    assert!(Comparison::of((&a.machine, &a_sum), (&b.machine, &b_sum)).is_some());
    assert!(Comparison::of((&a.machine, &a_sum), (&a.machine, &a_sum)).is_none());
}

/// `push` and `malloc` are not the user's: what they held was asked for by `read`.
#[test]
fn who_names_the_functions_of_the_user() {
    let sum = merged(&[with_stacks("a.txt", "A")]);
    let who = Who::of(&sum).expect("somebody");
    let told: Vec<(&str, f64, f64)> = who
        .holders
        .iter()
        .map(|h| (h.function.as_str(), h.own, h.inclusive))
        .collect();
    assert_eq!(
        told,
        [
            ("words::read", 2000.0, 2000.0),
            ("words::keep", 1000.0, 1000.0),
            ("words::main", 0.0, 3000.0),
        ]
    );
    assert_eq!(
        who.sentence().as_deref(),
        Some("67 % of the peak is held by `words::read` (main.rs:31)")
    );
}
