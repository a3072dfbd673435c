//! `hwc doctor` of what is offered by HTTP: the hosted page and each of its schools, the desk, a school's own software.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
};

use crate::{
    doctor::{Visit, mode, rewrite, visit},
    mails::MailServer,
    processes::fine,
    region::{Region, wait_for},
    visitor::Page,
};

#[test]
fn a_hosted_page_is_well_when_each_of_its_schools_is_and_says_whose_key_lies_open_or_who_does_not_get_in() {
    let region = Region::prepare();
    let engine = region.start("engine");
    engine.says("leading");
    let seal = region.path().join("keys/school-01AA00/seal");
    let secret = fs::read(&seal).unwrap();
    let mut page = Page::of(&region);
    let well = wait_for(|| Some(visit(&region, "portal")).filter(Visit::is_fine));
    let well = well.unwrap_or_else(|| panic!("{:#?}", visit(&region, "portal").findings));
    let said = |name: &str| well.findings.iter().find(|one| one["name"] == name).unwrap()["says"].to_string();
    assert!(said("schools").contains("all 2 get in"), "{}", said("schools"));
    assert!(said("portal").contains("answers"), "{}", said("portal"));

    fs::write(&seal, secret).unwrap();
    mode(&seal, 0o600);
    visit(&region, "portal").fails("keys", "lies there as it is", "docs/portal.md");
    fs::remove_file(&seal).unwrap();

    let nkey = region.path().join("keys/school-02BB00/nkey");
    mode(&nkey, 0o644);
    visit(&region, "portal").fails("keys", "school-02BB00: ", "chmod go-rwx");
    mode(&nkey, 0o600);

    // A key that the broker does not know: the other school is served.
    fine(region.hwc(&["keys", "new", "school-02BB00", "--dir", "strange"]));
    let own = fs::read(&nkey).unwrap();
    fs::write(&nkey, fs::read(region.path().join("strange/nkey")).unwrap()).unwrap();
    visit(&region, "portal").fails("schools", "1 of 2 do not get in; school-02BB00", "hwc operator show");
    fs::write(&nkey, own).unwrap();

    page.process.take().unwrap().kill();
    let away = visit(&region, "portal");
    assert_eq!((away.code, away.named("fail")), (Some(0), vec![]), "{:#?}", away.findings);
    assert!(away.named("warn").contains(&"portal"), "{:#?}", away.findings);
}

#[test]
fn a_desk_says_what_is_wrong_with_its_people_and_whether_it_answers() {
    let region = Region::prepare();
    let engine = region.start("engine");
    engine.says("leading");
    let mails = MailServer::start(&region.path().join("mail-is-down"));
    let settings = region.settings("municipality-0855");
    let desk = format!(
        "{}[notices]\nmailbox = \"leerplicht@gemeente.example\"\n\n[desk]\nname = \"Gemeente Tilburg\"\n\
         listen = \"127.0.0.1:1\"\norigin = \"https://desk.example\"\npeople = \"people.toml\"\nstate_dir = \"state/desk\"\n",
        mails.settings()
    );
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + &desk).unwrap();
    visit(&region, "municipality-0855").fails("desk", "people.toml", "put the file right");
    let person = "[[people]]\nid = \"lpa-1\"\nname = \"Naam\"\naddress = \"wit@gemeente.example\"\nfunction = \"lpa\"\nmay = \"decide\"\n";
    fs::write(region.path().join("people.toml"), person).unwrap();
    let silent = visit(&region, "municipality-0855");
    assert!(silent.code == Some(0) && silent.named("warn").contains(&"desk"), "{:#?}", silent.findings);
}

#[test]
fn a_desk_with_a_file_of_its_own_needs_somebody_who_answers_and_its_municipality_a_folder_that_is_closed() {
    let region = Region::prepare();
    let engine = region.start("engine");
    engine.says("leading");
    let mails = MailServer::start(&region.path().join("mail-is-down"));
    let settings = region.settings("municipality-0855");
    let text = fs::read_to_string(&settings).unwrap() + "desk_socket = \"hatch/0855\"\n";
    fs::write(&settings, text).unwrap();
    let page = format!(
        "[relay]\n\n[counter]\nmunicipality = \"municipality-0855\"\nsocket = \"hatch/0855\"\n\n\
         [desk]\nname = \"Gemeente Tilburg\"\nlisten = \"127.0.0.1:1\"\norigin = \"https://desk.example\"\n\
         people = \"people.toml\"\nstate_dir = \"state/desk\"\n{}",
        mails.settings()
    );
    fs::write(region.settings("desk"), page).unwrap();
    let person = "[[people]]\nid = \"lpa-1\"\nname = \"Naam\"\naddress = \"wit@gemeente.example\"\nfunction = \"lpa\"\nmay = \"decide\"\n";
    fs::write(region.path().join("people.toml"), person).unwrap();
    visit(&region, "desk").fails("counter", "nobody answers at", "is hwc municipality running");

    let municipality = region.start("municipality-0855");
    municipality.says("at work");
    let well = wait_for(|| Some(visit(&region, "desk")).filter(|visit| visit.named("fail").is_empty()));
    let well = well.unwrap_or_else(|| panic!("{:#?}", visit(&region, "desk").findings));
    assert_eq!(well.named("ok"), ["settings", "zone", "state", "counter", "mail", "traces"]);
    let folder = region.path().join("hatch");
    mode(&folder, 0o755);
    visit(&region, "municipality-0855").fails("desk socket", "closed to others", "docs/desk.md");
    drop(municipality);
    let refused = region.does("municipality-0855", &[]);
    assert!(refused.code == Some(1) && refused.stderr.contains("closed to others"), "{}", refused.stderr);

    rewrite(&region.settings("desk"), "municipality-0855", "school-01AA00");
    visit(&region, "desk").fails("settings", "is no municipality", "put the file right");
}

#[test]
fn a_schools_own_software_is_called_without_being_rung_and_the_certificate_of_its_api_is_read() {
    let region = Region::prepare();
    let engine = region.start("engine");
    engine.says("leading");
    let software = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = software.local_addr().unwrap();
    let calls = std::thread::spawn(move || {
        let (mut line, _) = software.accept().unwrap();
        let mut said = vec![0; 4096];
        let length = line.read(&mut said).unwrap();
        line.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&said[..length]).into_owned()
    });
    let keys = region.path().join("keys/school-01AA00");
    let secret = keys.join("webhook");
    fs::write(&secret, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    mode(&secret, 0o600);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut old = rcgen::CertificateParams::new(["school.example".to_owned()]).unwrap();
    (old.not_before, old.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 2, 3));
    fs::write(keys.join("api.pem"), old.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(keys.join("api.key"), key.serialize_pem()).unwrap();
    mode(&keys.join("api.pem"), 0o600);
    mode(&keys.join("api.key"), 0o600);
    let settings = region.settings("school-01AA00");
    let folder = "keys/school-01AA00";
    let tables = format!(
        "\n[webhook]\nurl = \"http://{address}/hook\"\nsecret_file = \"{folder}/webhook\"\n\n\
         [api]\nlisten = \"127.0.0.1:1\"\ncertificate = \"{folder}/api.pem\"\nkey = \"{folder}/api.key\"\n\
         client_ca = \"{folder}/api.pem\"\n"
    );
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + &tables).unwrap();
    visit(&region, "school-01AA00").fails("api", "expired on 2021-02-03", "renew it");
    let said = calls.join().unwrap();
    assert!(said.starts_with("OPTIONS /hook "), "{said}");

    rewrite(&settings, &address.to_string(), "127.0.0.1:1");
    rewrite(&settings, "[api]\nlisten", "[api]\n# listen");
    let silent = visit(&region, "school-01AA00");
    assert_eq!(silent.named("fail"), ["settings"], "{:#?}", silent.findings);
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.split("\n[api]").next().unwrap()).unwrap();
    visit(&region, "school-01AA00").fails("webhook", "nothing answers there", "is it running");
}
