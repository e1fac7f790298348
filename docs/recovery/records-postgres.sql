-- What reader.mjs needs from a PostgreSQL database, as lines of JSON. Bytes, ids
-- included, are lower-case hex, '' for NULL; see docs/format.md, section 8.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT json_build_object('table', 'install', 'id', coalesce(encode(id, 'hex'), '')) FROM install;
SELECT json_build_object('table', 'keyring', 'kek_ver', kek_ver, 'provider', provider, 'key_ref', key_ref,
  'wrapped', coalesce(encode(wrapped, 'hex'), ''), 'check_sealed', coalesce(encode(check_sealed, 'hex'), '')) FROM keyring;
SELECT json_build_object('table', 'user_account', 'id', coalesce(encode(id, 'hex'), ''), 'email', email) FROM user_account;
SELECT json_build_object('table', 'space', 'id', coalesce(encode(id, 'hex'), ''), 'owner_id', coalesce(encode(owner_id, 'hex'), ''),
  'root_id', coalesce(encode(root_id, 'hex'), '')) FROM space;
SELECT json_build_object('table', 'space_key', 'space_id', coalesce(encode(space_id, 'hex'), ''), 'sk_ver', sk_ver, 'wrap_kind', wrap_kind,
  'kek_ver', kek_ver, 'sealed', coalesce(encode(sealed, 'hex'), '')) FROM space_key;
SELECT json_build_object('table', 'node', 'id', coalesce(encode(id, 'hex'), ''), 'space_id', coalesce(encode(space_id, 'hex'), ''),
  'parent_id', coalesce(encode(parent_id, 'hex'), ''),
  'kind', kind, 'name', name, 'version_id', coalesce(encode(version_id, 'hex'), ''), 'changed_at', changed_at,
  'trashed_at', trashed_at, 'doomed_at', doomed_at) FROM node;
SELECT json_build_object('table', 'version', 'id', coalesce(encode(id, 'hex'), ''), 'node_id', coalesce(encode(node_id, 'hex'), ''),
  'space_id', coalesce(encode(space_id, 'hex'), ''), 'number', number, 'blob_id', coalesce(encode(blob_id, 'hex'), ''), 'size', size, 'dek_sealed', coalesce(encode(dek_sealed, 'hex'), ''),
  'sk_ver', sk_ver, 'created_at', created_at) FROM version;
COMMIT;
