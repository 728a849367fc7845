//! Ctrl-C while calls are made there and metrics are waited for: the first one ends that, and what is known is compared; the second
//! one ends the process, whatever it does.

use crate::{exit::code, output};
use anyhow::Context;
use tokio::sync::watch;

/// Becomes true at the first Ctrl-C.
#[derive(Clone)]
pub(super) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on until the process ends.
    pub(super) fn listen() -> anyhow::Result<Interrupt> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let (say, said) = watch::channel(false);
        std::thread::spawn(move || {
            runtime.block_on(async {
                if tokio::signal::ctrl_c().await.is_err() {
                    return;
                }
                output::note("interrupted: what is known is compared; once more ends it");
                say.send_replace(true);
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(i32::from(code::INTERRUPTED));
                }
            });
        });
        Ok(Interrupt(said))
    }

    /// Whether somebody wants it to end.
    pub(super) fn is_said(&self) -> bool {
        *self.0.borrow()
    }

    /// Until somebody wants it to end.
    pub(super) async fn said(&mut self) {
        if self.0.wait_for(|said| *said).await.is_err() {
            // Nobody listens: nobody will say it.
            std::future::pending::<()>().await;
        }
    }
}
