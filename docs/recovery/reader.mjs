// An independent reader of what Coffer stores: it restores plain files from the
// blobs, the sealed records of the database and the master key, without any of
// Coffer's programs. It was written from docs/format.md, whose sections are
// named here, and needs only Node 20 or newer. How to use it: README.md.
import { createReadStream } from 'node:fs'
import { link, lstat, mkdir, open, readFile, rename, unlink, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const { subtle } = globalThis.crypto
const text = new TextEncoder()

// ---- bytes

const concat = (...parts) => Uint8Array.from(Buffer.concat(parts))
const hex = (s) => Uint8Array.from(Buffer.from(s, 'hex'))
const u32 = (n) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n)

// base32 writes an id as it names a blob.
function base32(bytes) {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  let bits = 0n
  for (const b of bytes) bits = (bits << 8n) | BigInt(b)
  bits <<= 2n // 128 bits become 26 times 5
  let out = ''
  for (let shift = 125n; shift >= 0n; shift -= 5n) out += alphabet[Number((bits >> shift) & 31n)]
  return out
}

// equal compares without telling by its time where two differ.
function equal(a, b) {
  if (a.length !== b.length) return false
  let diff = 0
  for (let i = 0; i < a.length; i++) diff |= a[i] ^ b[i]
  return diff === 0
}

// Damage is what is wrong with one file, not with this computer or the key.
class Damage extends Error {}

// ---- section 1: the sealed stream

const CHUNK = 16384
const TAG = 16
const SEALED_CHUNK = CHUNK + TAG
const HEADER = 24 + 32

const sealedSize = (n) => HEADER + Math.floor(n / CHUNK) * SEALED_CHUNK + (n % CHUNK) + TAG

async function expand(key, info, length) {
  const mac = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-512' }, false, ['sign'])
  let last = new Uint8Array(0)
  let out = new Uint8Array(0)
  for (let i = 1; out.length < length; i++) {
    last = new Uint8Array(await subtle.sign('HMAC', mac, concat(last, info, Uint8Array.of(i))))
    out = concat(out, last)
  }
  return out.subarray(0, length)
}

// opener checks the header of a message and returns what opens its chunks.
async function opener(key, context, header) {
  const salt = header.subarray(0, 24)
  const info = concat(text.encode('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM'), Uint8Array.of(0), salt, context)
  const okm = await expand(key, info, 76)
  if (!equal(okm.subarray(44, 76), header.subarray(24, 56))) throw new Damage('the key commitment does not match: wrong key, wrong place, or changed bytes')
  const aes = await subtle.importKey('raw', okm.subarray(0, 32), 'AES-GCM', false, ['decrypt'])
  const base = okm.slice(32, 44)
  return async (index, chunk) => {
    const iv = base.slice()
    for (let i = 11, rest = index; rest > 0; i--, rest = Math.floor(rest / 256)) iv[i] ^= rest % 256
    try {
      return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv, tagLength: 128 }, aes, chunk))
    } catch {
      throw new Damage(`chunk ${index} is not authentic`)
    }
  }
}

// ---- sections 2 and 3: contexts and records

const context = (label, ...fields) => concat(text.encode('coffer/v1/' + label), Uint8Array.of(0), ...fields)

// openRecord opens a record that is shorter than one chunk, as all of them are
// that a reader needs.
async function openRecord(what, key, place, record) {
  if (record[0] !== 1) throw new Damage(`${what}: the record is of no known suite`)
  const message = record.subarray(1)
  if (message.length < HEADER + TAG || message.length >= HEADER + SEALED_CHUNK) throw new Damage(`${what}: no record has this length`)
  try {
    return await (await opener(key, place, message.subarray(0, HEADER)))(0, message.subarray(HEADER))
  } catch (e) {
    if (e instanceof Damage) e.message = `${what}: ${e.message}`
    throw e
  }
}

// ---- section 4: the file key record

function parseFileKey(b) {
  const at = new DataView(b.buffer, b.byteOffset, b.byteLength)
  if (b.length !== 76 || b[0] !== 1 || b[1] > 2 || b[2] < 23 || b[2] > 32 || b[3] !== 0) throw new Damage('the file key record is of no known form')
  const size = at.getBigUint64(4)
  if (size > 10000n << BigInt(b[2])) throw new Damage('the file key record has an impossible size')
  const sum = b.slice(44, 76)
  if (b[1] === 0 && sum.some((x) => x !== 0)) throw new Damage('the file key record has a digest and none')
  return { part: 2 ** b[2], size: Number(size), key: b.slice(12, 44), sum: b[1] === 2 ? sum : null }
}

// ---- SHA-256 of a stream (FIPS 180-4); WebCrypto has it for whole buffers only

class SHA256 {
  static K = SHA256.constants()
  h = Uint32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19)
  w = new Uint32Array(64)
  rest = new Uint8Array(0)
  length = 0

  // The first 32 bits of the fractions of the cube roots of the first 64 primes.
  static constants() {
    const k = new Uint32Array(64)
    for (let n = 2, found = 0; found < 64; n++) {
      let prime = true
      for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false
      if (!prime) continue
      let low = 0n // the whole part of 2^32 times the root, by halving
      let high = 8n << 32n
      const cube = BigInt(n) << 96n
      while (high - low > 1n) {
        const mid = (low + high) >> 1n
        if (mid * mid * mid <= cube) low = mid
        else high = mid
      }
      k[found++] = Number(low & 0xffffffffn)
    }
    return k
  }

  update(bytes) {
    this.length += bytes.length
    const b = this.rest.length > 0 ? concat(this.rest, bytes) : bytes
    let i = 0
    for (; i + 64 <= b.length; i += 64) this.block(b, i)
    this.rest = b.slice(i)
  }

  block(b, at) {
    const { w, h } = this
    const K = SHA256.K
    for (let i = 0; i < 16; i++, at += 4) w[i] = (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]
      const y = w[i - 2]
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[i] = w[i - 16] + s0 + w[i - 7] + s1
    }
    let [a, bb, c, d, e, f, g, hh] = h
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (hh + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & bb) ^ (a & c) ^ (bb & c))) | 0
      hh = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = bb
      bb = a
      a = (t1 + t2) | 0
    }
    h[0] += a
    h[1] += bb
    h[2] += c
    h[3] += d
    h[4] += e
    h[5] += f
    h[6] += g
    h[7] += hh
  }

  digest() {
    const bits = BigInt(this.length) * 8n
    const end = new Uint8Array(8)
    new DataView(end.buffer).setBigUint64(0, bits)
    this.update(concat(Uint8Array.of(0x80), new Uint8Array((119 - (this.length % 64)) % 64), end))
    const out = new DataView(new ArrayBuffer(32))
    this.h.forEach((x, i) => out.setUint32(i * 4, x))
    return new Uint8Array(out.buffer)
  }
}

// ---- section 5: blobs

const AT_ONCE = 64 // chunks that are read and opened together: 1 MiB

// readBlob gives the plaintext to use, piece by piece, only authentic bytes.
async function readBlob(path, blobID, dek, use) {
  const parts = Math.max(1, Math.ceil(dek.size / dek.part))
  const fullPart = (dek.part / CHUNK) * SEALED_CHUNK + HEADER + TAG
  const lastSize = dek.size - (parts - 1) * dek.part
  let file
  try {
    file = await open(path, 'r')
  } catch (e) {
    if (e.code === 'ENOENT') throw new Damage(`its blob ${path} is missing`)
    throw e
  }
  try {
    const want = (parts - 1) * fullPart + sealedSize(lastSize)
    const { size } = await file.stat()
    if (size !== want) throw new Damage(`its blob ${path} has ${size} bytes, not ${want}`)
    const sum = new SHA256()
    for (let part = 0; part < parts; part++) {
      let at = part * fullPart
      const end = at + sealedSize(part < parts - 1 ? dek.part : lastSize)
      const header = await readFull(file, at, HEADER)
      const openChunk = await opener(dek.key, context('content', blobID, u32(part)), header)
      at += HEADER
      for (let index = 0; at < end; ) {
        const sealed = await readFull(file, at, Math.min(end - at, AT_ONCE * SEALED_CHUNK))
        const chunks = []
        for (let i = 0; i < sealed.length; i += SEALED_CHUNK) chunks.push(openChunk(index++, sealed.subarray(i, i + SEALED_CHUNK)))
        for (const result of await Promise.allSettled(chunks)) {
          if (result.status === 'rejected') {
            if (result.reason instanceof Damage) result.reason.message = `part ${part}: ${result.reason.message}`
            throw result.reason
          }
          sum.update(result.value)
          await use(result.value)
        }
        at += sealed.length
      }
    }
    if (dek.sum !== null && !equal(sum.digest(), dek.sum)) throw new Damage('its SHA-256 is not that of its record')
  } finally {
    await file.close()
  }
}

async function readFull(file, at, length) {
  const b = new Uint8Array(length)
  for (let have = 0; have < length; ) {
    const { bytesRead } = await file.read(b, have, length - have, at + have)
    if (bytesRead === 0) throw new Damage('the blob ends too early')
    have += bytesRead
  }
  return b
}

// ---- sections 6 and 7: keys

function parseMasterKeys(content) {
  const keys = new Map()
  for (const line of content.split('\n').map((l) => l.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [form, id, base64, ...more] = line.split(':')
    const key = Uint8Array.from(Buffer.from(base64 ?? '', 'base64'))
    if (form !== 'coffer-master-key-v1' || more.length > 0 || key.length !== 32) throw new Error('the master key file has a line that is no master key')
    keys.set(id, key)
  }
  return keys
}

// Archive is the records with the keys that open them.
class Archive {
  constructor(rows, masterKeys) {
    this.rows = rows
    this.masterKeys = masterKeys
    this.keks = new Map()
    this.spaceKeys = new Map()
    for (const row of rows.space_key) this.spaceKeys.set(row.space_id + '/' + row.sk_ver, row)
  }

  // openKeyring opens all KEKs: a wrong master key is found before anything is written.
  async openKeyring() {
    if (this.rows.install.length !== 1) throw new Error('the records name no installation')
    const install = hex(this.rows.install[0].id)
    for (const row of this.rows.keyring) {
      const master = this.masterKeys.get(row.key_ref)
      if (row.provider !== 'file' && row.provider !== 'env') throw new Error(`KEK ${row.kek_ver} is kept by ${row.provider}: this reader knows master key files`)
      if (master === undefined) throw new Error(`the master key ${row.key_ref} is not in the file`)
      const fields = [install, u32(row.kek_ver)]
      const kek = await openRecord(`KEK ${row.kek_ver}`, master, context('kek', ...fields), hex(row.wrapped))
      const check = await openRecord(`the check of KEK ${row.kek_ver}`, kek, context('kek-check', ...fields), hex(row.check_sealed))
      if (kek.length !== 32 || check.length !== 0) throw new Damage(`KEK ${row.kek_ver} is no key`)
      this.keks.set(row.kek_ver, kek)
    }
    if (this.keks.size === 0) throw new Error('the records hold no key')
  }

  async fileKey(version) {
    const row = this.spaceKeys.get(version.space_id + '/' + version.sk_ver)
    if (row === undefined) throw new Damage('the key of its space is missing')
    const kek = this.keks.get(row.kek_ver)
    if (row.wrap_kind !== 'kek' || kek === undefined) throw new Damage('the key of its space cannot be opened')
    const space = hex(row.space_id)
    const key = await openRecord('the key of its space', kek, context('space-key', space, u32(row.sk_ver), u32(row.kek_ver)), hex(row.sealed))
    if (key.length !== 32) throw new Damage('the key of its space is no key')
    const place = context('dek', space, hex(version.node_id), hex(version.id), hex(version.blob_id), u32(version.sk_ver))
    const dek = parseFileKey(await openRecord('its key', key, place, hex(version.dek_sealed)))
    if (dek.size !== version.size) throw new Damage('the database says another size than its key')
    return dek
  }
}

async function readRecords(path) {
  const rows = { install: [], keyring: [], user_account: [], space: [], space_key: [], node: [], version: [] }
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (line.trim() === '') continue
    const row = JSON.parse(line)
    if (rows[row.table] === undefined) throw new Error(`the records have a row of the unknown table ${row.table}`)
    rows[row.table].push(row)
  }
  return rows
}

// ---- section 8: the tree

// safeName makes a local name of one that is not trusted.
function safeName(name) {
  let s = name.replace(/[\u0000-\u001f\u007f/\\]/g, '_')
  if (process.platform === 'win32') s = s.replace(/[:*?"<>|]/g, '_').replace(/[. ]+$/, '_').replace(/^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i, '$1_')
  return s === '' || s === '.' || s === '..' ? '_' + s : s
}

// tagged puts " (word)" before the extension, in no more than 255 bytes.
function tagged(name, word) {
  const dot = name.lastIndexOf('.')
  const end = ` (${word})` + (dot > 0 ? name.slice(dot) : '')
  const stem = [...(dot > 0 ? name.slice(0, dot) : name)]
  while (stem.length > 1 && Buffer.byteLength(stem.join('') + end) > 255) stem.pop()
  return stem.join('') + end
}

class Folder {
  used = new Set()
  free(name) {
    for (let n = 2, attempt = name; ; n++) {
      const key = attempt.normalize('NFC').toLowerCase()
      if (!this.used.has(key)) {
        this.used.add(key)
        return attempt
      }
      attempt = tagged(name, n)
    }
  }
}

// setTime sets when a file was changed; a little more, so that no millisecond
// is lost when the number of seconds is cut.
const setTime = (at, ms) => utimes(at, Date.now() / 1000, (ms + 0.1) / 1000)

function group(rows, key) {
  const out = new Map()
  for (const row of rows) {
    if (!out.has(row[key])) out.set(row[key], [])
    out.get(row[key]).push(row)
  }
  return out
}

class Restore {
  files = 0
  problems = 0

  constructor(archive, options) {
    this.archive = archive
    this.o = options
    this.children = group(archive.rows.node.filter((n) => n.trashed_at === null && n.doomed_at === null), 'parent_id')
    this.trash = group(archive.rows.node.filter((n) => n.trashed_at !== null && n.doomed_at === null), 'space_id')
    this.versions = group(archive.rows.version, 'node_id')
  }

  async all() {
    const emails = new Map(this.archive.rows.user_account.map((u) => [u.id, u.email]))
    const nodes = new Map(this.archive.rows.node.map((n) => [n.id, n]))
    const names = new Folder()
    await mkdir(this.o.out, { recursive: true, mode: 0o700 })
    for (const space of this.archive.rows.space) {
      const root = nodes.get(space.root_id)
      if (root !== undefined && root.doomed_at !== null) continue
      const dir = join(this.o.out, names.free(safeName(emails.get(space.owner_id) ?? base32(hex(space.id)))))
      await mkdir(dir, { recursive: true, mode: 0o700 })
      const folder = new Folder()
      await this.folder(dir, folder, this.children.get(space.root_id) ?? [])
      if (this.o.trash) {
        const bin = join(dir, folder.free('Trash'))
        await mkdir(bin, { recursive: true, mode: 0o700 })
        await this.folder(bin, new Folder(), this.trash.get(space.id) ?? [])
      }
    }
  }

  async folder(dir, names, nodes) {
    const later = []
    for (const node of nodes) {
      const at = join(dir, names.free(safeName(node.name)))
      if (node.kind === 1) {
        const current = (this.versions.get(node.id) ?? []).find((v) => v.id === node.version_id)
        await this.file(at, current, node.changed_at)
      } else {
        later.push([at, node])
      }
    }
    if (this.o.versions) {
      for (const node of nodes.filter((n) => n.kind === 1)) {
        for (const v of this.versions.get(node.id) ?? []) {
          if (v.id !== node.version_id) await this.file(join(dir, names.free(safeName(tagged(node.name, `version ${v.number}`)))), v, v.created_at)
        }
      }
    }
    for (const [at, node] of later) {
      await mkdir(at, { recursive: true, mode: 0o700 })
      await this.folder(at, new Folder(), this.children.get(node.id) ?? [])
      await setTime(at, node.changed_at)
    }
  }

  // file writes beside the place first: under its name a file is never in part.
  async file(at, version, changedAt) {
    const part = join(dirname(at), `.reader-${process.pid}.part`)
    try {
      if (version === undefined) throw new Damage('the record of its content is missing')
      if (await lstat(at).catch((e) => (e.code === 'ENOENT' ? null : Promise.reject(e)))) throw new Damage('something is there already')
      const dek = await this.archive.fileKey(version)
      const blob = base32(hex(version.blob_id))
      const out = await open(part, 'wx', 0o600)
      try {
        await readBlob(join(this.o.blobs, 'b', blob.slice(0, 2), blob), hex(version.blob_id), dek, (plain) => out.writeFile(plain))
      } finally {
        await out.close()
      }
      await setTime(part, changedAt)
      await link(part, at).catch((e) => {
        if (e.code === 'EEXIST') throw new Damage('something is there already')
        return rename(part, at) // a file system without links
      })
      this.files++
    } catch (e) {
      if (!(e instanceof Damage)) throw e
      this.problems++
      console.error(`NOT RESTORED ${JSON.stringify(at)}: ${e.message}`)
      if (!this.o['keep-going']) throw new Error('stopped there; --keep-going goes on')
    } finally {
      await unlink(part).catch(() => {})
    }
  }
}

// ---- the program

const usage = 'node reader.mjs --key master.key --records records.jsonl --blobs DIR --out DIR [--trash] [--versions] [--keep-going]'

async function main() {
  const string = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  const { values } = parseArgs({ options: { key: string, records: string, blobs: string, out: string, trash: flag, versions: flag, 'keep-going': flag } })
  for (const name of ['key', 'records', 'blobs', 'out']) if (values[name] === undefined) throw new Error(`--${name} is missing: ${usage}`)
  const archive = new Archive(await readRecords(values.records), parseMasterKeys(await readFile(values.key, 'utf8')))
  await archive.openKeyring()
  const restore = new Restore(archive, values)
  try {
    await restore.all()
  } finally {
    console.log(`${restore.files} files restored, ${restore.problems} not`)
    if (restore.problems > 0) process.exitCode = 3
  }
}

await main().catch((e) => {
  console.error(`reader: ${e.message}`)
  process.exitCode ||= 1
})
