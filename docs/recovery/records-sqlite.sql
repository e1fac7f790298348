-- What reader.mjs needs from an SQLite database, as lines of JSON. Bytes, ids
-- included, are lower-case hex, '' for NULL; see docs/format.md, section 8.
BEGIN;
SELECT json_object('table', 'install', 'id', lower(hex(id))) FROM install;
SELECT json_object('table', 'keyring', 'kek_ver', kek_ver, 'provider', provider, 'key_ref', key_ref,
  'wrapped', lower(hex(wrapped)), 'check_sealed', lower(hex(check_sealed))) FROM keyring;
SELECT json_object('table', 'user_account', 'id', lower(hex(id)), 'email', email) FROM user_account;
SELECT json_object('table', 'space', 'id', lower(hex(id)), 'owner_id', lower(hex(owner_id)), 'root_id', lower(hex(root_id))) FROM space;
SELECT json_object('table', 'space_key', 'space_id', lower(hex(space_id)), 'sk_ver', sk_ver, 'wrap_kind', wrap_kind,
  'kek_ver', kek_ver, 'sealed', lower(hex(sealed))) FROM space_key;
SELECT json_object('table', 'node', 'id', lower(hex(id)), 'space_id', lower(hex(space_id)), 'parent_id', lower(hex(parent_id)),
  'kind', kind, 'name', name, 'version_id', lower(hex(version_id)), 'changed_at', changed_at,
  'trashed_at', trashed_at, 'doomed_at', doomed_at) FROM node;
SELECT json_object('table', 'version', 'id', lower(hex(id)), 'node_id', lower(hex(node_id)), 'space_id', lower(hex(space_id)),
  'number', number, 'blob_id', lower(hex(blob_id)), 'size', size, 'dek_sealed', lower(hex(dek_sealed)),
  'sk_ver', sk_ver, 'created_at', created_at) FROM version;
COMMIT;
