"""The police's client: files of reports in, sealed reports out."""
