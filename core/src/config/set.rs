//! CONFIG SET: several parameters at once, all of them or none.

use super::error::SetError;
use super::param::{Id, Merge, Param};
use super::registry::{Config, merge_of};
use super::value::Value;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Acts on the values as they are now, or refuses them.
type Apply = dyn Fn(&Config) -> Result<(), String> + Send + Sync;

/// What acts on changes of some parameters.
#[derive(Clone)]
pub(super) struct Hook {
    ids: Arc<[Id]>,
    apply: Arc<Apply>,
}

/// A parameter that is about to change.
struct Change<'a> {
    id: Id,
    /// Its name as it was given.
    name: &'a [u8],
    old: Value,
    new: Value,
}

impl Config {
    /// Has `apply` called whenever CONFIG SET has changed one of `ids` (once, however many of
    /// them changed), and by [`Config::apply_all`]. It reads the new values from the configuration.
    /// If it refuses, they are taken back, and it is called again with the old ones, as are the
    /// hooks that accepted before it.
    ///
    /// A hook must not change the configuration, but for [`Config::put`].
    pub fn on_change(
        &self,
        ids: &[Id],
        apply: impl Fn(&Config) -> Result<(), String> + Send + Sync + 'static,
    ) {
        let hook = Hook { ids: ids.into(), apply: Arc::new(apply) };
        self.hooks.write().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// Calls every hook: for the start, when the configuration has been loaded.
    ///
    /// # Errors
    /// The first refusal, after which no further hook is called.
    pub fn apply_all(&self) -> Result<(), String> {
        self.hooks().iter().try_for_each(|hook| (hook.apply)(self))
    }

    /// CONFIG SET: names and values, by turns. `allow_protected` says whether this client may
    /// change protected parameters.
    ///
    /// # Errors
    /// [`SetError`]; nothing has changed then.
    pub fn set(&self, pairs: &[(&[u8], &[u8])], allow_protected: bool) -> Result<(), SetError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.find_all(pairs, allow_protected)?;
        let mut changes = Vec::new();
        for (id, (name, text)) in found.into_iter().zip(pairs) {
            let old = self.value(id);
            let new = self.parse(id, text, &old).map_err(|reason| refused(name, reason))?;
            if new != old {
                changes.push(Change { id, name, old, new });
            }
        }
        self.change(&changes)
    }

    /// Finds the parameters and sees whether they may be set at all.
    fn find_all(
        &self,
        pairs: &[(&[u8], &[u8])],
        allow_protected: bool,
    ) -> Result<Vec<Id>, SetError> {
        let mut found = Vec::new();
        for (index, (name, _)) in pairs.iter().enumerate() {
            let id = self
                .find(name)
                .ok_or_else(|| SetError::Unknown(String::from_utf8_lossy(name).into_owned()))?;
            let param = self.param(id);
            let before = pairs.get(..index).unwrap_or_default();
            let reason = if param.immutable {
                "can't set immutable config"
            } else if param.protected && !allow_protected {
                "can't set protected config"
            } else if before.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                "duplicate parameter"
            } else {
                found.push(id);
                continue;
            };
            return Err(refused(name, reason.into()));
        }
        Ok(found)
    }

    /// Reads a value for CONFIG SET.
    fn parse(&self, id: Id, text: &[u8], old: &Value) -> Result<Value, String> {
        let param: &Param = self.param(id);
        let present = if merge_of(param) == Merge::Always { old.text() } else { b"" };
        param.parse(text, present)
    }

    /// Makes the changes and calls their hooks; takes everything back if one refuses.
    fn change(&self, changes: &[Change<'_>]) -> Result<(), SetError> {
        for change in changes {
            self.put(change.id, change.new.clone());
        }
        let mut applied: Vec<Hook> = Vec::new();
        for hook in self.hooks() {
            let Some(change) = changes.iter().find(|change| hook.ids.contains(&change.id)) else {
                continue;
            };
            let result = (hook.apply)(self);
            applied.push(hook);
            if let Err(reason) = result {
                self.take_back(changes, &applied);
                return Err(refused(change.name, reason));
            }
        }
        Ok(())
    }

    fn take_back(&self, changes: &[Change<'_>], applied: &[Hook]) {
        for change in changes {
            self.put(change.id, change.old.clone());
        }
        for hook in applied {
            // It accepted these values before; if it no longer does, nothing better is known.
            let _ = (hook.apply)(self);
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn hooks(&self) -> Vec<Hook> {
        self.hooks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn refused(name: &[u8], reason: String) -> SetError {
    SetError::Refused { argument: String::from_utf8_lossy(name).into_owned(), reason }
}
