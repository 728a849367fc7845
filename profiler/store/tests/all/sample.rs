//! Traces for the tests: one that is like a real call, and arbitrary ones.

use trace::{
    Amount, Breakpoint, Bytes, CpuProfile, CpuSample, Frame, FunctionId, Growth, Heap, HeapAtStack,
    HeapEvent, HeapProfile, HeapSampling, Hit, Imported, Input, Limits, Machine, Moment, Nanos,
    Observed, Outcome, PlannedProbe, ProbeCost, ProbeMode, Refusal, Served, SizedBy, StackTable,
    Touched, Trace,
};

/// A call of `function` with `lines` lines, as long in its observations and its timeline as real ones are.
pub(crate) fn call(function: &str, lines: u64) -> Trace {
    let live = |at: u64| at * 86;
    let moment = |at: u64| Moment {
        at: Nanos(at * 1_000_003),
        committed: Bytes(1_114_112 + live(at).next_multiple_of(65_536)),
        live: Some(Bytes(live(at))),
    };
    let hits = (1..=lines.min(64)).map(|line| Hit {
        value: line as f64,
        moment: moment(line),
        live_until_next: Some(Bytes(live(line + 1))),
    });
    let count = Observed {
        variable: "lines".to_owned(),
        breakpoint: Breakpoint::Set("lines".to_owned()),
        count: lines,
        first: 1.0,
        last: lines as f64,
        min: 1.0,
        max: lines as f64,
        sum: (lines * (lines + 1) / 2) as f64,
        first_moment: Some(moment(1)),
        last_moment: Some(moment(lines)),
        hits: hits.collect(),
    };
    let function = FunctionId {
        name: function.to_owned(),
        digest: format!("sha256:{:064x}", function.len()),
    };
    let input = Input {
        label: format!("{lines}.txt"),
        digest: format!("sha256:{lines:064x}"),
    };
    let limits = Limits {
        memory: Bytes::mib(1024),
        timeout: Nanos(30_000_000_000),
    };
    Trace {
        started_unix_ms: 1_700_000_000_000 + lines,
        outcome: Outcome::Succeeded,
        exit_code: Some(0),
        committed_start: Bytes(1_114_112),
        committed_peak: moment(lines).committed,
        growths: (1..=lines.min(40))
            .map(|at| Growth {
                at: moment(at).at,
                to: moment(at).committed,
            })
            .collect(),
        heap: Heap::Live {
            peak: Bytes(live(lines)),
            at_end: Bytes(0),
            allocations: lines,
        },
        samples: (0..lines.min(100)).map(moment).collect(),
        observations: vec![
            Observed::before_the_call("stdin_bytes", (lines * 61) as f64),
            count,
        ],
        wall: Nanos(lines * 1_000_003),
        cpu: Nanos(lines * 999_983),
        bytes_in: lines * 61,
        bytes_out: 12,
        runtime_base: Bytes(11 << 20),
        ..Trace::nothing_measured(function, input, limits)
    }
}

/// So many probes, as those of a function of which everything is watched.
pub(crate) fn probes(count: usize) -> Vec<PlannedProbe> {
    let probe = |number| PlannedProbe {
        breakpoint: Breakpoint::Entry(format!("line_reader::parser::Record::field_{number}")),
        variable: "length".to_owned(),
        mode: ProbeMode::HostCall,
    };
    (0..count).map(probe).collect()
}

/// Who allocated the memory of a call, as long in its names as real ones are.
pub(crate) fn heap_profile(stacks: u32, events: u64) -> HeapProfile {
    let amount = |blocks: u32| Amount {
        blocks: f64::from(blocks) * 1.37,
        bytes: f64::from(blocks) * 61.0 * 1.37,
    };
    HeapProfile {
        sampling: HeapSampling::Poisson {
            mean: Bytes(524_288),
        },
        table: stack_table(stacks),
        by_stack: (0..stacks)
            .map(|stack| HeapAtStack {
                stack,
                allocated: amount(stack + 3),
                at_peak: amount(stack + 2),
                at_end: amount(0),
                temporary: amount(stack),
            })
            .collect(),
        peak_at: Nanos(9_000_000),
        events: (0..events)
            .map(|number| HeapEvent {
                at: Nanos(number * 10_007),
                stack: (number % u64::from(stacks)) as u32,
                address: 1_114_112 + number * 72,
                bytes: if number % 3 == 2 { -61 } else { 61 },
                weight: 8595.35 + (number % 7) as f64,
            })
            .collect(),
        events_lost: 0,
    }
}

/// Every stack has twelve frames, most of them those of the stack before.
fn stack_table(stacks: u32) -> StackTable {
    let frame = |number: u32| Frame {
        function: format!(
            "<alloc::vec::Vec<line_reader::Record{number}> as core::iter::traits::collect::Extend<T>>::extend"
        ),
        file: Some(format!(
            "/rustc/library/alloc/src/vec/part_{}.rs",
            number % 20
        )),
        line: Some(100 + number),
        inlined: number % 2 == 1,
        address: u64::from(4_000 + number * 17),
    };
    StackTable {
        frames: (0..stacks + 11).map(frame).collect(),
        stacks: (0..stacks)
            .map(|first| (first..first + 12).collect())
            .collect(),
    }
}

/// Numbers without a pattern: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Any size of integer, the largest too.
    fn integer(&mut self) -> u64 {
        match self.below(8) {
            0 => u64::MAX,
            1 => i64::MAX as u64 + 1,
            bits => self.next() >> (bits * 8),
        }
    }

    /// Any floating-point number, the awkward ones often.
    fn float(&mut self) -> f64 {
        const AWKWARD: [f64; 9] = [
            0.0,
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            0.1,
            9.0e15,
        ];
        match self.below(3) {
            0 => AWKWARD[self.below(9) as usize],
            1 => f64::from_bits(self.next()),
            _ => self.below(1_000_000) as f64,
        }
    }

    fn some<T>(&mut self, make: impl FnOnce(&mut Random) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }

    fn many<T>(&mut self, make: impl Fn(&mut Random) -> T) -> Vec<T> {
        (0..self.below(6)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        const TEXTS: [&str; 5] = [
            "",
            "lines",
            "a \"quoted\"\nline",
            "größe\u{0}\u{1f4be}",
            "x'); DROP TABLE calls; --",
        ];
        TEXTS[self.below(5) as usize].to_owned()
    }

    fn moment(&mut self) -> Moment {
        Moment {
            at: Nanos(self.integer()),
            committed: Bytes(self.integer()),
            live: self.some(|random| Bytes(random.integer())),
        }
    }

    fn observed(&mut self) -> Observed {
        const NAMES: [fn(String) -> Breakpoint; 3] =
            [Breakpoint::Entry, Breakpoint::Exit, Breakpoint::Set];
        const PLAIN: [Breakpoint; 4] = [
            Breakpoint::Input,
            Breakpoint::Open,
            Breakpoint::End,
            Breakpoint::Sample,
        ];
        Observed {
            variable: self.text(),
            breakpoint: match self.below(7) as usize {
                named @ 0..3 => NAMES[named]("a::b".to_owned()),
                plain => PLAIN[plain - 3].clone(),
            },
            count: self.integer(),
            first: self.float(),
            last: self.float(),
            min: self.float(),
            max: self.float(),
            sum: self.float(),
            first_moment: self.some(Random::moment),
            last_moment: self.some(Random::moment),
            hits: self.many(|random| Hit {
                value: random.float(),
                moment: random.moment(),
                live_until_next: random.some(|random| Bytes(random.integer())),
            }),
        }
    }

    /// Any trace at all, sensible or not.
    pub(crate) fn trace(&mut self) -> Trace {
        const OUTCOMES: [Outcome; 4] = [
            Outcome::Succeeded,
            Outcome::Failed,
            Outcome::Limited,
            Outcome::TimedOut,
        ];
        Trace {
            function: FunctionId {
                name: self.text(),
                digest: self.text(),
            },
            input: Input {
                label: self.text(),
                digest: self.text(),
            },
            started_unix_ms: self.integer(),
            limits: Limits {
                memory: Bytes(self.integer()),
                timeout: Nanos(self.integer()),
            },
            outcome: OUTCOMES[self.below(4) as usize],
            exit_code: self.some(|random| random.next() as i32),
            failure: self.some(Random::text),
            committed_start: Bytes(self.integer()),
            committed_peak: Bytes(self.integer()),
            growths: self.many(|random| Growth {
                at: Nanos(random.integer()),
                to: Bytes(random.integer()),
            }),
            refusals: self.many(|random| Refusal {
                at: Nanos(random.integer()),
                asked: Bytes(random.integer()),
            }),
            refused_count: self.integer(),
            heap: match self.below(3) {
                0 => Heap::Unknown,
                1 => Heap::AllocatedOnly {
                    total: Bytes(self.integer()),
                    allocations: self.integer(),
                },
                _ => Heap::Live {
                    peak: Bytes(self.integer()),
                    at_end: Bytes(self.integer()),
                    allocations: self.integer(),
                },
            },
            samples: self.many(Random::moment),
            observations: self.many(Random::observed),
            wall: Nanos(self.integer()),
            cpu: Nanos(self.integer()),
            bytes_in: self.integer(),
            bytes_out: self.integer(),
            contended: self.below(2) == 0,
            runtime_base: Bytes(self.below(1 << 30)),
            machine: Machine {
                processor: self.text(),
                kernel: self.text(),
                engine: self.text(),
            },
            armed: self.many(Random::probe).into(),
            probe_cost: ProbeCost {
                hits: self.integer(),
                host_calls: self.integer(),
                cpu_seconds: self.float(),
            },
            touched: self.some(Random::touched),
            heap_profile: self.some(Random::heap_profile),
            cpu_profile: self.some(Random::cpu_profile),
            served: self.some(Random::served),
            // Files of before have none: those who want some draw it themselves.
            imported: None,
        }
    }

    pub(crate) fn imported(&mut self) -> Imported {
        Imported {
            form: self.text(),
            configured: self.some(|random| Bytes(random.integer())),
            row: self.text(),
        }
    }

    pub(crate) fn served(&mut self) -> Served {
        const BY: [SizedBy; 4] = [
            SizedBy::Setting,
            SizedBy::Recommendation,
            SizedBy::Model,
            SizedBy::Replay,
        ];
        Served {
            id: self.text(),
            dialect: self.text(),
            status: self.below(1 << 16) as u16,
            cold: self.below(2) == 0,
            sized_by: BY[self.below(4) as usize],
            granted_first: Bytes(self.integer()),
            granted: Bytes(self.integer()),
            mispredicted: self.below(2) == 0,
            queued: Nanos(self.integer()),
            init: Nanos(self.integer()),
            total: Nanos(self.integer()),
            reused: self.below(3) as u32,
        }
    }

    fn probe(&mut self) -> PlannedProbe {
        const MODES: [ProbeMode; 3] =
            [ProbeMode::HostCall, ProbeMode::Mailbox, ProbeMode::HostRead];
        PlannedProbe {
            breakpoint: match self.below(2) {
                0 => Breakpoint::Exit("a::b".to_owned()),
                _ => Breakpoint::Line {
                    file: "src/main.rs".to_owned(),
                    line: 1 + self.next() as u32 / 2,
                },
            },
            variable: self.text(),
            mode: MODES[self.below(3) as usize],
        }
    }

    fn touched(&mut self) -> Touched {
        match self.below(2) {
            0 => Touched::Unavailable {
                reason: self.text(),
            },
            _ => Touched::Measured {
                at_end: Bytes(self.integer()),
                samples: self.many(|random| (Nanos(random.integer()), Bytes(random.integer()))),
            },
        }
    }

    /// Positions that are none are kept too: what they mean is not the store's affair.
    fn stack_table(&mut self) -> StackTable {
        StackTable {
            frames: self.many(|random| Frame {
                function: random.text(),
                file: random.some(Random::text),
                line: random.some(|random| random.next() as u32),
                inlined: random.below(2) == 0,
                address: random.integer(),
            }),
            stacks: self.many(|random| random.many(|random| random.next() as u32)),
        }
    }

    fn amount(&mut self) -> Amount {
        Amount {
            blocks: self.float(),
            bytes: self.float(),
        }
    }

    fn heap_profile(&mut self) -> HeapProfile {
        HeapProfile {
            sampling: match self.below(2) {
                0 => HeapSampling::Exact,
                _ => HeapSampling::Poisson {
                    mean: Bytes(self.integer()),
                },
            },
            table: self.stack_table(),
            by_stack: self.many(|random| HeapAtStack {
                stack: random.next() as u32,
                allocated: random.amount(),
                at_peak: random.amount(),
                at_end: random.amount(),
                temporary: random.amount(),
            }),
            peak_at: Nanos(self.integer()),
            events: self.many(|random| HeapEvent {
                at: Nanos(random.integer()),
                stack: random.next() as u32,
                address: random.integer(),
                bytes: random.integer() as i64,
                weight: random.float(),
            }),
            events_lost: self.integer(),
        }
    }

    fn cpu_profile(&mut self) -> CpuProfile {
        CpuProfile {
            period: Nanos(self.integer()),
            table: self.stack_table(),
            samples: self.many(|random| CpuSample {
                at: Nanos(random.integer()),
                stack: random.next() as u32,
                cpu: Nanos(random.integer()),
            }),
        }
    }
}
