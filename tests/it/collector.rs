//! A collector of traces for tests: takes OTLP over HTTP as the protocol says, and keeps what it was told.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;

/// It listens until the test ends.
pub(crate) struct Collector {
    pub(crate) url: String,
    told: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// One span, as it was told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) service: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty at the root.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Each key with its values.
    pub(crate) said: BTreeMap<String, Vec<String>>,
}

impl Collector {
    /// Listens on a free port.
    pub(crate) fn start() -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Listens there.
    pub(crate) fn at(listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let kept = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(&stream, &kept));
            }
        });
        Self { url, told }
    }

    /// Every byte that came, headers included.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.told.lock().unwrap().concat()
    }

    /// The resources' attributes that came, of all services.
    pub(crate) fn resources(&self) -> BTreeSet<(String, String)> {
        let all = self.requests();
        let resources =
            all.iter().flat_map(|request| &request.resource_spans).filter_map(|some| some.resource.as_ref());
        resources
            .flat_map(|resource| &resource.attributes)
            .flat_map(|said| words(said).into_iter().map(|word| (said.key.clone(), word)))
            .collect()
    }

    /// Every span that came, as often as it came.
    pub(crate) fn spans(&self) -> Vec<Told> {
        let mut spans = Vec::new();
        for of_service in self.requests().iter().flat_map(|request| &request.resource_spans) {
            let resource = of_service.resource.as_ref().unwrap();
            let service = resource.attributes.iter().find(|said| said.key == "service.name").unwrap();
            let service = words(service).concat();
            let all = of_service.scope_spans.iter().flat_map(|scope| &scope.spans);
            spans.extend(all.map(|span| read(&service, span)));
        }
        spans
    }

    /// The same by trace, each span once; told again it must be the same.
    pub(crate) fn traces(&self) -> BTreeMap<String, Vec<Told>> {
        let mut traces: BTreeMap<String, BTreeMap<String, Told>> = BTreeMap::new();
        for span in self.spans() {
            let trace = traces.entry(span.trace.clone()).or_default();
            if let Some(before) = trace.insert(span.id.clone(), span.clone()) {
                assert_eq!(before, span, "told again it is another");
            }
        }
        traces.into_iter().map(|(trace, spans)| (trace, spans.into_values().collect())).collect()
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let told = self.told.lock().unwrap();
        let head = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        told.iter().map(|bytes| ExportTraceServiceRequest::decode(&bytes[head(bytes)..]).unwrap()).collect()
    }
}

fn serve(stream: &TcpStream, kept: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            head.push_str(&line);
            if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = said.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        assert!(head.starts_with("POST /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        kept.lock().unwrap().push([head.as_bytes(), &body].concat());
        let answer = ExportTraceServiceResponse::default().encode_to_vec();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n";
        let head = format!("{head}content-length: {}\r\n\r\n", answer.len());
        if (&mut &*stream).write_all(&[head.as_bytes(), &answer].concat()).is_err() {
            return;
        }
    }
}

fn read(service: &str, span: &Span) -> Told {
    Told {
        service: service.to_owned(),
        trace: hex::encode(&span.trace_id),
        id: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        name: span.name.clone(),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        said: span.attributes.iter().map(|said| (said.key.clone(), words(said))).collect(),
    }
}

fn words(said: &KeyValue) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::StringValue(word) => word.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("nobody says this: {other:?}"),
    };
    match said.value.as_ref().and_then(|value| value.value.as_ref()).unwrap() {
        Value::ArrayValue(list) => {
            list.values.iter().map(|value| word(value.value.as_ref().unwrap())).collect()
        }
        value => vec![word(value)],
    }
}
