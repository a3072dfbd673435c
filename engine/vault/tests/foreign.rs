//! The witness: an implementation in another language, of another library, made from `SEAL.md` alone.
//!
//! It needs Python 3.10 or later with pip, and a package index; without them it fails, it does not skip.

#[cfg(test)]
mod common;

#[cfg(test)]
mod witness {
    use std::{
        fs,
        io::Write,
        path::{Path, PathBuf},
        process::{Command, Output, Stdio},
        sync::LazyLock,
    };

    use hwc_schemas::{key::SignedKey, wire::Sealed};
    use hwc_vault::{BelievedKey, OsChance, open, seal, seal_to_left};
    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};

    use crate::common::{Example, Example2, bytes, key_of, plain};

    const PYTHON: &str = "python3";
    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign");

    fn succeeded(what: &str, output: std::io::Result<Output>) -> String {
        let output = output.unwrap_or_else(|e| panic!("{what}: {e}; this test needs Python 3.10 with pip"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {}\n{told}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// The pinned packages, installed once for each Python and each pin into the folder for test files.
    static PACKAGES: LazyLock<PathBuf> = LazyLock::new(|| {
        let requirements = Path::new(FOLDER).join("requirements.txt");
        let mut named = Sha256::new();
        named.update(succeeded("python", Command::new(PYTHON).args(["-VV"]).output()));
        named.update(fs::read(&requirements).unwrap());
        let cached = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("witness-{}", &hex::encode(named.finalize())[..16]));
        if !cached.exists() {
            let fresh = cached.with_extension(std::process::id().to_string());
            let pip = Command::new(PYTHON)
                .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
                .args(["--require-hashes", "--requirement"])
                .arg(&requirements)
                .arg("--target")
                .arg(&fresh)
                .output();
            succeeded("pip install", pip);
            // Whole or not at all; another run that was faster has made the same.
            if fs::rename(&fresh, &cached).is_err() {
                assert!(cached.exists());
                fs::remove_dir_all(&fresh).unwrap();
            }
        }
        cached
    });

    fn ask(requests: &[Value]) -> Vec<Value> {
        let mut python = Command::new(PYTHON)
            .args(["-s", "-B"])
            .arg(Path::new(FOLDER).join("witness.py"))
            .env("PYTHONPATH", &*PACKAGES)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let asked = serde_json::to_vec(requests).unwrap();
        python.stdin.take().unwrap().write_all(&asked).unwrap();
        let told: Vec<Value> =
            serde_json::from_str(&succeeded("witness.py", python.wait_with_output())).unwrap();
        assert_eq!(told.len(), requests.len());
        told
    }

    const CONTENTS: [usize; 6] = [0, 1, 2044, 2045, 9000, 131_068];

    #[test]
    fn each_opens_what_the_other_sealed_and_nothing_else() {
        let example = Example::read();
        let (sender, receiver) = (key_of(&example.sender_secret), key_of(&example.receiver_secret));
        let mut bindings = [example.binding.clone(), example.binding.clone()].map(|b| json!(b));
        bindings[1]["number"] = Value::Null;
        bindings[1]["hop"] = "report".into();
        let native =
            bindings.clone().map(|b| serde_json::from_value::<crate::common::Bound>(b).unwrap().binding());

        let mut requests = Vec::new();
        for length in CONTENTS {
            let content = vec![0xA5; length];
            for (binding, native) in bindings.iter().zip(&native) {
                let other = &bindings[usize::from(*binding == bindings[0])];
                let sealed =
                    seal(&sender, &receiver.public_key(), native, &plain(&content), &mut OsChance).unwrap();
                let open = json!({
                    "do": "open", "receiver_secret": example.receiver_secret,
                    "sender_public": example.sender_public, "binding": binding,
                    "seal": hex::encode(sealed.as_bytes()),
                });
                let mut swapped = open.clone();
                swapped["binding"] = other.clone();
                let mut forged = open.clone();
                forged["sender_public"] = example.receiver_public.clone().into();
                let seal = json!({
                    "do": "seal", "sender_secret": example.sender_secret,
                    "receiver_public": example.receiver_public, "binding": binding,
                    "content": hex::encode(&content),
                });
                requests.extend([open, swapped, forged, seal]);
            }
        }
        let answers = ask(&requests);
        let cases = CONTENTS.iter().flat_map(|length| native.iter().map(move |native| (length, native)));
        assert_eq!(answers.len(), 4 * cases.clone().count());
        for (told, (length, native)) in answers.chunks(4).zip(cases) {
            let content = vec![0xA5; *length];
            assert_eq!(told[0]["content"], hex::encode(&content));
            assert_eq!([&told[1]["refused"], &told[2]["refused"]], [&Value::Bool(true); 2]);
            let sealed = Sealed::new(bytes(told[3]["seal"].as_str().unwrap()));
            let opened = open(&receiver, &sender.public_key(), native, &sealed);
            assert!(opened.is_ok_and(|opened| opened.as_bytes() == content));
        }
    }

    #[test]
    fn each_opens_what_the_other_sealed_to_a_key_that_was_left_and_believes_its_signature() {
        let (one, two) = (Example::read(), Example2::read());
        let (sender, receiver) = (key_of(&one.sender_secret), key_of(&one.receiver_secret));
        let school: hwc_schemas::Organisation = "school-01AA00".parse().unwrap();
        let key = key_of(&two.key_secret);
        let signed = two.signed();
        let (signers, binding) = ([receiver.public_key()], one.binding.binding());
        let believed = BelievedKey::of(&signed, &school, &signers).unwrap();
        let content = bytes(&one.content);
        let sealed = seal_to_left(&sender, &believed, &binding, &plain(&content), &mut OsChance).unwrap();

        let open_it = json!({
            "do": "open", "receiver_secret": two.key_secret, "sender_public": one.sender_public,
            "binding": one.binding, "seal": hex::encode(sealed.as_bytes()),
        });
        let mut with_the_long_term_key = open_it.clone();
        with_the_long_term_key["receiver_secret"] = one.receiver_secret.clone().into();
        let seal_it = json!({
            "do": "seal", "sender_secret": one.sender_secret, "receiver_public": two.key_public,
            "binding": one.binding, "content": one.content, "key_id": two.key_id,
        });
        let mut to_the_bit = seal_it.clone();
        to_the_bit["marker"] = two.marker.clone().into();
        to_the_bit["ikm"] = two.ikm.clone().into();
        let mut requests = vec![open_it, with_the_long_term_key, seal_it, to_the_bit];
        // Keys with both signs of the Edwards form, of both kinds.
        let owners: Vec<_> = (0..8_u8).map(|byte| hex::encode([byte; 32])).collect();
        for (place, owner) in owners.iter().enumerate() {
            let of = if place % 2 == 0 { signed } else { two.weekly };
            let own = key_of(owner);
            let ours = own.sign(&school, of.id, of.kind, hwc_vault::PublicKey::from_bytes(of.key.0));
            let mut other = json!(ours);
            other["id"] = json!(hex::encode([9; 16]));
            let check = json!({
                "do": "check", "public": own.public_key(), "organisation": "school-01AA00",
                "key": ours, "signature": ours.signature,
            });
            let mut false_check = check.clone();
            false_check["key"] = other;
            let sign = json!({ "do": "sign", "secret": owner, "organisation": "school-01AA00", "key": of });
            requests.extend([check, false_check, sign]);
        }
        let told = ask(&requests);
        assert_eq!(told[0]["content"], one.content);
        assert_eq!(told[1]["refused"], true);
        let theirs = Sealed::new(bytes(told[2]["seal"].as_str().unwrap()));
        let opened = open(&key, &sender.public_key(), &binding, &theirs);
        assert!(opened.is_ok_and(|opened| opened.as_bytes() == content));
        assert_eq!(told[3]["seal"], two.seal);
        for (place, (told, owner)) in told[4..].chunks(3).zip(&owners).enumerate() {
            assert_eq!((&told[0]["signed"], &told[1]["signed"]), (&Value::Bool(true), &Value::Bool(false)));
            let of = if place % 2 == 0 { signed } else { two.weekly };
            let signature = told[2]["signature"].as_str().unwrap().parse().unwrap();
            let theirs = SignedKey { signature, ..of };
            assert!(BelievedKey::of(&theirs, &school, &[key_of(owner).public_key()]).is_ok());
        }
    }

    #[test]
    fn both_make_the_worked_example_to_the_bit() {
        let example = Example::read();
        let told = ask(&[json!({
            "do": "seal", "sender_secret": example.sender_secret, "receiver_public": example.receiver_public,
            "binding": example.binding, "content": example.content, "marker": example.marker,
            "ikm": example.ikm,
        })]);
        assert_eq!(told[0]["seal"], example.seal);
        let chance = bytes(&(example.marker + &example.ikm));
        let (sender, receiver) = (key_of(&example.sender_secret), key_of(&example.receiver_secret));
        let content = plain(&bytes(&example.content));
        let ours = seal(
            &sender,
            &receiver.public_key(),
            &example.binding.binding(),
            &content,
            &mut crate::common::Scripted(chance),
        );
        assert_eq!(hex::encode(ours.unwrap().as_bytes()), example.seal);
    }
}
