//! Where the parties of a replay tell of their work: each as the program that it would be.

use std::time::Duration;

use hwc_adapter_kit::Telemetry;
use hwc_schemas::Role;
use hwc_telemetry::{CollectorError, Service, Spans};

use crate::telling::Telling;

/// How long the collector gets for the last spans.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// One for the engine and one for each role: which organisation it is nobody hears.
#[derive(Debug, Clone)]
pub(super) struct Traces {
    pub(super) engine: Telling,
    roles: [Telemetry; Role::ALL.len()],
}

impl Traces {
    /// To this collector, or to nobody.
    pub(super) fn to(collector: Option<&str>) -> Result<Self, CollectorError> {
        let spans = |service| collector.map_or(Ok(Spans::nowhere()), |there| Spans::to(there, service, None));
        let role = |role| Ok::<_, CollectorError>(Telemetry::to(spans(Service::Of(role))?));
        let [police, veilig_thuis, municipality, school] = Role::ALL;
        Ok(Self {
            engine: Telling::to(spans(Service::Engine)?),
            roles: [role(police)?, role(veilig_thuis)?, role(municipality)?, role(school)?],
        })
    }

    /// For an organisation of this role.
    pub(super) fn of(&self, role: Role) -> Telemetry {
        let [police, veilig_thuis, municipality, school] = &self.roles;
        match role {
            Role::Police => police,
            Role::VeiligThuis => veilig_thuis,
            Role::Municipality => municipality,
            Role::School => school,
        }
        .clone()
    }

    /// Sends what still waits.
    pub(super) async fn close(&self) {
        let roles = self.roles.iter().map(|role| role.close(CLOSE_WITHIN));
        tokio::join!(self.engine.close(CLOSE_WITHIN), futures::future::join_all(roles));
    }
}
