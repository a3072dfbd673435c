//! Seals without mathematics: they open for the right key, the right receiver and the right binding only, and the world can
//! read on the outside what a real one would hide.

use hwc_schemas::{
    IncidentId, Organisation,
    letter::{Hop, Plaintext},
    wire::{Binding, Sealed},
};
use hwc_vault::DoesNotOpen;

/// Which of an organisation's keys, from 0.
pub(crate) type KeyNumber = u32;

/// Earlier keys that an organisation keeps, as in production.
const EARLIER_MAX: KeyNumber = 3;

/// `keys`: the sender's present one, and the receiver's that the sender believes. `swapped`: for another child than it says.
pub(crate) fn seal(
    binding: &Binding,
    (own, receivers): (KeyNumber, KeyNumber),
    content: &[u8],
    swapped: bool,
) -> Sealed {
    let head = head(binding, swapped);
    let mut bytes = format!("{own} {receivers} {head}\n").into_bytes();
    bytes.extend_from_slice(content);
    Sealed::new(bytes)
}

/// Opens with the present key or one of the earlier ones.
pub(crate) fn open(binding: &Binding, present: KeyNumber, sealed: &Sealed) -> Result<Plaintext, DoesNotOpen> {
    let (line, content) = parts(sealed).ok_or(DoesNotOpen)?;
    let mut words = line.splitn(3, ' ');
    let (_, key, bound) = (words.next(), words.next(), words.next());
    let key: KeyNumber = key.and_then(|key| key.parse().ok()).ok_or(DoesNotOpen)?;
    let kept = present.saturating_sub(EARLIER_MAX)..=present;
    if !kept.contains(&key) || bound != Some(&head(binding, false)) {
        return Err(DoesNotOpen);
    }
    Ok(Plaintext::from_opened(content.to_vec().into()))
}

/// The leg it is sealed for, and to whom.
pub(crate) fn label(sealed: &Sealed) -> Option<(Hop, Organisation)> {
    let (line, _) = parts(sealed)?;
    let mut words = line.split(' ').skip(2);
    let hop = match words.next()? {
        "report" => Hop::Report,
        "referral" => Hop::Referral,
        "letter" => Hop::Letter,
        _ => return None,
    };
    let sealed_to = words.nth(1)?.parse().ok()?;
    Some((hop, sealed_to))
}

fn parts(sealed: &Sealed) -> Option<(&str, &[u8])> {
    let bytes = sealed.as_bytes();
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(line).ok()?, rest.get(1..)?))
}

fn head(binding: &Binding, swapped: bool) -> String {
    let Binding { incident, number, hop, sender, receiver } = binding;
    let number = number.map_or(0, |number| number.get() + u16::from(swapped));
    format!("{} {sender} {receiver} {} {number}", hop.as_str(), text(*incident))
}

fn text(incident: IncidentId) -> String {
    incident.to_string()
}
