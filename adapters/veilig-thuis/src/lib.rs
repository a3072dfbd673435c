//! Veilig Thuis's adapter: screens, looks up the household, refers each child to its municipality.
