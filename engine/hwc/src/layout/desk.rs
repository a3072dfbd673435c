//! A municipality's desk, in the tree of the municipality's machine: a process of another user, with settings of its own, and the
//! socket between the two (`docs/desk.md`).

use std::fmt::Write as _;

use hwc_schemas::Organisation;

use super::{LayoutError, Machine, Trees, WithDesk, site};

/// Whose units and files are this municipality's on its machine.
fn instance(municipality: &Organisation) -> &str {
    municipality.code()
}

/// The socket between the two, as both files name it.
fn socket(trees: &Trees, municipality: &Organisation) -> String {
    let path = format!("/run/hwc-desk/{}", instance(municipality));
    trees.name(&municipality.to_string(), &path).to_string_lossy().into_owned()
}

/// What the municipality's own settings say of it.
pub(super) fn at_its_municipality(trees: &Trees, municipality: &Organisation) -> String {
    format!(
        "# Where its desk asks, as another user (docs/desk.md).\ndesk_socket = {:?}\n",
        socket(trees, municipality)
    )
}

/// Who may come in. Nobody can before somebody is written there.
const PEOPLE: &str = "\
# Who may come in at the desk (docs/desk.md). It counts as soon as it is saved; the desk does not start while nobody may decide.
#
# [[people]]
# id = \"lpa-1\"                       # in the book of acts; never given to somebody else
# name = \"Anna de Wit\"
# address = \"a.dewit@goirle.example\" # where codes go
# function = \"leerplichtambtenaar\"
# may = \"decide\"                     # or \"look\"
";

/// What the municipality's unit may not do without: with users of its own it could not tell who asks.
const BESIDE_A_DESK: &str = "\
# Written once by hwc operator layout; from then on it is yours. It answers a desk, and must see who asks there (docs/desk.md).
[Service]
PrivateUsers=no
";

/// The desk's part of its municipality's tree.
pub(super) fn write(trees: &Trees, desk: &WithDesk) -> Result<Machine, LayoutError> {
    let WithDesk { municipality, origin } = desk;
    let (machine, instance) = (municipality.to_string(), instance(municipality));
    let own = format!("/etc/hwc/desk-{instance}");
    let named = |path: String| trees.name(&machine, &path).to_string_lossy().into_owned();
    let mut text =
            "# Written once by hwc operator layout; from then on it is yours. Every setting: docs/settings.md.\n[relay]\n".to_owned();
    if !trees.try_out {
        text += "# /livez, /readyz and /metrics; the municipality's process has another.\nlisten = \"127.0.0.1:9465\"\n";
    }
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "\n[counter]\nmunicipality = \"{municipality}\"\nsocket = {:?}\n\n\
             [desk]\n# What stands above every page, and where the proxy on this machine finds it: say yours.\n\
             name = \"Gemeente\"\nlisten = \"127.0.0.1:8470\"\norigin = {origin:?}\npeople = {:?}\nstate_dir = {:?}\n\n\
             # Without mail nobody can log in: docs/post.md.\n\
             [post]\nserver = \"mail.example\"\nsecurity = \"starttls\"\nfrom = \"niet-antwoorden@hwc.example\"\n",
        socket(trees, municipality),
        named(format!("{own}/people/people.toml")),
        named(format!("/var/lib/hwc/desk-{instance}")),
    );
    trees.once(&machine, &format!("{own}/hwc.toml"), text.as_bytes())?;
    let people = format!("{own}/people/people.toml");
    if !trees.place(&machine, &people).exists() {
        trees.replace(&machine, &people, PEOPLE.as_bytes(), true)?;
    }
    let units = "/etc/systemd/system";
    trees.once(
        &machine,
        &format!("{units}/hwc-desk@{instance}.service.d/10-site.conf"),
        site(&[]).as_bytes(),
    )?;
    let beside = format!("{units}/hwc-municipality@{instance}.service.d/20-desk.conf");
    trees.once(&machine, &beside, BESIDE_A_DESK.as_bytes())?;
    let folder = trees.name(&machine, &format!("{own}/people"));
    let mut first = vec![format!("chown -R hwc-desk: {}    # and write who may come in", folder.display())];
    // Settings that were there before are their owner's.
    let settings = format!("/etc/hwc/{machine}/hwc.toml");
    let written = std::fs::read_to_string(trees.place(&machine, &settings)).unwrap_or_default();
    if !written.contains("desk_socket") {
        let line = format!("desk_socket = {:?}", socket(trees, municipality));
        first.push(format!("write {line} below [municipality] in {}", named(settings)));
    }
    Ok(Machine { name: machine, unit: format!("hwc-desk@{instance}"), first })
}
