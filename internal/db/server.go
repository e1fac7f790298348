package db

import "coffer"

// Server is a server that runs, with the keys that it has taken over.
type Server struct {
	ID     coffer.ID // of the process
	Host   string    // for people
	Newest uint32    // newest KEK that it has opened
	Active uint32    // KEK that it seals under
	SeenAt int64
}

// SetServer says that a server lives. SeenAt is set here.
func (tx *Tx) SetServer(s Server) error {
	_, err := tx.exec(`INSERT INTO server (id, host, newest_kek, active_kek, seen_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET newest_kek = excluded.newest_kek, active_kek = excluded.active_kek, seen_at = excluded.seen_at`,
		s.ID, s.Host, int64(s.Newest), int64(s.Active), tx.Now)
	return err
}

// Servers returns the servers that were seen since, in order of host.
func (tx *Tx) Servers(since int64) ([]Server, error) {
	return collect(tx, func(scan scan) (s Server, err error) {
		err = scan(&s.ID, &s.Host, &s.Newest, &s.Active, &s.SeenAt)
		return s, err
	}, `SELECT id, host, newest_kek, active_kek, seen_at FROM server WHERE seen_at >= $1 ORDER BY host, id`, since)
}

// DeleteServer forgets a server that ends.
func (tx *Tx) DeleteServer(id coffer.ID) error {
	_, err := tx.exec(`DELETE FROM server WHERE id = $1`, id)
	return err
}

// DeleteServers forgets those that were not seen since.
func (tx *Tx) DeleteServers(since int64) error {
	_, err := tx.exec(`DELETE FROM server WHERE seen_at < $1`, since)
	return err
}
