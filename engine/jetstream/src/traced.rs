//! The one header of ours that travels beside commands, answers and tasks: whose trace it is. Whatever it says when it comes
//! in, it is at most a hint; what cannot be read is as good as none.

use async_nats::HeaderMap;
use hwc_schemas::Traceparent;

/// Beside a message that belongs to a trace.
pub(crate) fn write(traceparent: Option<Traceparent>, headers: &mut HeaderMap) {
    if let Some(traceparent) = traceparent {
        headers.insert(Traceparent::HEADER, traceparent.to_string());
    }
}

/// Of a message that says where it belongs, once and readably.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Option<Traceparent> {
    let mut said = headers?.get_all(Traceparent::HEADER);
    let only = said.next()?.as_str().parse().ok()?;
    said.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_or_cannot_be_read_is_not_said() {
        let said = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = HeaderMap::new();
        assert_eq!(read(Some(&headers)), None);
        write(said.parse().ok(), &mut headers);
        assert_eq!(read(Some(&headers)).map(|read| read.to_string()).as_deref(), Some(said));
        headers.append(Traceparent::HEADER, said);
        assert_eq!(read(Some(&headers)), None);
        headers.insert(Traceparent::HEADER, "canary");
        assert_eq!(read(Some(&headers)), None);
    }
}
