//! JetStream: journal, sealed store, topics, stream settings, permissions. The only room that names the client library.
