//! How large an instance is to be: what a call needs, so many at a time, the server beside them, and the provider's sizes. What
//! a call needs was learned elsewhere.

use crate::memory;
use anyhow::{Context, ensure};
use learn::{
    Catalogue,
    catalogue::{Decimal, Provider, Size},
};
use trace::{Bytes, PAGE, Recommendation};

/// Key of the provider in the catalogue.
const PROVIDER: &str = "cloud-run";

/// What the server takes beside calls, their bodies and its modules: its own memory, and the files that it writes, which in a
/// container are memory too.
const SERVER: Bytes = Bytes::mib(48);

/// How large the database may become there.
pub(super) const STORE: Bytes = Bytes::mib(8);

/// What a module takes beside: kept as it came, compiled in a process beside the server, and in memory as code, as multiples of
/// its own size.
const MODULE: u64 = 24;

/// Of what all calls may have, what one that is alone is sure to be given: the rest is for its body and its tables.
const OF_ONE: (u64, u64) = (7, 8);

/// What several together are: a tenth is kept back for those that need more than predicted, and some stays with who ran before.
const OF_SEVERAL: (u64, u64) = (3, 4);

/// What calls have beside the server is shared with bodies, which have a ninth of both: one body may have half of that, so that there
/// is room for what is answered to it.
const OF_A_BODY: u64 = 18;

/// Largest body that Cloud Run passes on in one piece.
const MOST_OF_A_BODY: Bytes = Bytes::mib(32);

/// What a call has at least.
const LEAST_OF_A_CALL: Bytes = Bytes::mib(16);

/// Memory of an instance where nothing is recommended: the default of Cloud Run.
const DEFAULT: Bytes = Bytes::mib(512);

/// Less than this cannot be asked for.
const LEAST: Bytes = Bytes::mib(128);

/// An instance of less has to be one of the first generation.
const SECOND_GENERATION: Bytes = Bytes::mib(512);

/// An instance.
pub(super) struct Instance {
    pub(super) memory: Bytes,
    pub(super) from: From,
    /// Thousandths of a CPU, as they are billed.
    pub(super) cpu_thousandths: u64,
    /// Calls at a time.
    pub(super) concurrency: u32,
    /// What is not for calls.
    pub(super) reserve: Bytes,
    /// What a call may have at most.
    pub(super) of_a_call: Bytes,
    /// What the function's own file says, where that is more.
    pub(super) cut_from: Option<Bytes>,
    /// Largest body of a request.
    pub(super) body: Bytes,
    /// Whether what is recommended fits.
    pub(super) fits: bool,
}

/// Who said how much memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    User,
    Recommendation,
    /// The function's own file.
    Setting,
    Default,
}

/// What is wanted of an instance.
pub(super) struct Wanted<'r> {
    /// What the user says.
    pub(super) memory: Option<Bytes>,
    pub(super) concurrency: u32,
    /// Bytes of the module.
    pub(super) module: u64,
    /// What the function's own file says a call is given.
    pub(super) setting: Option<Bytes>,
    pub(super) recommendation: Option<&'r Recommendation>,
}

impl Instance {
    /// # Errors
    ///
    /// Where no size holds what is wanted, or what the user says is no size.
    pub(super) fn of(wanted: &Wanted, catalogue: &Catalogue) -> anyhow::Result<Instance> {
        let mut providers = catalogue.providers().iter();
        let provider = providers
            .find(|provider| provider.key == PROVIDER)
            .with_context(|| format!("no provider `{PROVIDER}` in the catalogue"))?;
        let module = Bytes(wanted.module.saturating_mul(MODULE));
        let reserve = Bytes(mib_up(SERVER.0.saturating_add(module.0)) << 20);
        let calls = u64::from(wanted.concurrency);
        let (part, of) = if calls > 1 { OF_SEVERAL } else { OF_ONE };
        let room_for = |a_call: Bytes| {
            let guests = a_call.0.saturating_mul(calls);
            let all = guests.div_ceil(part).saturating_mul(of);
            memory::around(Bytes(all), reserve)
        };
        let recommended = wanted.recommendation;
        let need = recommended.map(|recommended| room_for(recommended.allocation_bytes));
        let (memory, from) = match (wanted.memory, wanted.recommendation, need) {
            (Some(memory), ..) => (memory, From::User),
            (None, Some(recommended), Some(need)) => {
                let mut bills = recommended.providers.iter();
                let bill = bills.find(|bill| bill.provider == PROVIDER);
                let size = Bytes(bill.map_or(0, |bill| bill.size_mb) << 20);
                let size = size_for(provider, need.max(size), wanted.concurrency)?;
                (Bytes::mib(size.mb), From::Recommendation)
            }
            _ => {
                let setting = wanted.setting.map_or(Bytes(0), room_for);
                let size = size_for(provider, setting.max(DEFAULT), wanted.concurrency)?;
                let from = if setting > DEFAULT {
                    From::Setting
                } else {
                    From::Default
                };
                (Bytes::mib(size.mb), from)
            }
        };
        let least = LEAST.max(Bytes(mib_up(room_for(LEAST_OF_A_CALL).0) << 20));
        let so_many = match wanted.concurrency {
            1 => String::new(),
            several => format!(" for --concurrency {several}"),
        };
        ensure!(
            memory >= least,
            "--memory {memory} is too small{so_many}: the server and its module take {reserve} of it, and a call has \
             {LEAST_OF_A_CALL} at least; expected {least} or more"
        );
        let size = size_for(provider, memory, wanted.concurrency)?;
        let all = memory::beside(memory, reserve).0;
        let share = all / of * part / calls.max(1);
        let share = Bytes(share / PAGE.0 * PAGE.0);
        let body = memory.saturating_sub(reserve).0 / OF_A_BODY;
        let body = Bytes(body.clamp(1 << 20, MOST_OF_A_BODY.0) >> 20 << 20);
        Ok(Instance {
            memory,
            from,
            cpu_thousandths: size.billed_cpu.units().div_ceil(Decimal::ONE / 1_000),
            concurrency: wanted.concurrency,
            reserve,
            of_a_call: wanted.setting.map_or(share, |setting| setting.min(share)),
            cut_from: wanted.setting.filter(|setting| *setting > share),
            body,
            fits: need.is_none_or(|need| need <= memory),
        })
    }

    /// Of which generation its execution environment is: the second one needs a certain size.
    pub(super) fn generation(&self) -> &'static str {
        if self.memory < SECOND_GENERATION || self.cpu_thousandths < 1_000 {
            "gen1"
        } else {
            "gen2"
        }
    }

    /// As the provider's tool reads it.
    pub(super) fn cpu(&self) -> String {
        let text = format!(
            "{}.{:03}",
            self.cpu_thousandths / 1_000,
            self.cpu_thousandths % 1_000
        );
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

fn mib_up(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// The smallest size for so much and so many calls at a time: several share an instance of one CPU or more only.
fn size_for(provider: &Provider, bytes: Bytes, concurrency: u32) -> anyhow::Result<Size> {
    let mut sizes = provider.sizes.iter();
    let mb = mib_up(bytes.0);
    let fits = |size: &&Size| {
        let is_whole = size.vcpu.units() >= Decimal::ONE;
        size.mb >= mb && (concurrency <= 1 || is_whole)
    };
    let found = sizes.find(fits).copied();
    found.with_context(|| {
        let largest = provider.largest().map_or(0, |size| size.mb);
        let fewer = match concurrency {
            1 => "",
            _ => "; expected a smaller --concurrency",
        };
        format!("{bytes} do not fit into an instance: the largest is {largest} MiB{fewer}")
    })
}
