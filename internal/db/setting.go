package db

// Settings returns all settings that were ever set.
func (tx *Tx) Settings() (map[string]string, error) {
	all := map[string]string{}
	err := tx.each(`SELECT name, value FROM setting`, nil, func(scan scan) error {
		var name, value string
		err := scan(&name, &value)
		all[name] = value
		return err
	})
	return all, err
}

// SetSetting stores one setting.
func (tx *Tx) SetSetting(name, value string) error {
	_, err := tx.exec(`INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}
