import { closeSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from './command.ts'
import type { Terminal } from './terminal/terminal.ts'

/** Where a key may come from. */
export interface KeyArguments {
  key?: string | undefined
  'key-file'?: string | undefined
}

const KEY_FILE_BYTES_MAX = 4096
/** What a bearer token may consist of (RFC 6750 §2.1). */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/
const KEY = /^trk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/

/**
 * The key to show the server: `--key` or `--key-file`, else TAILRACE_KEY, else TAILRACE_KEY_FILE; `undefined` without
 * any. No message has any of it. Throws UsageError when it cannot be read or can be none.
 */
export function readKey(args: KeyArguments, { env, cwd }: Pick<Terminal, 'env' | 'cwd'>): string | undefined {
  const { key, 'key-file': file } = args
  if (key !== undefined && file !== undefined) throw new UsageError('--key and --key-file exclude each other')
  if (key !== undefined) return checkedKey(key, '--key')
  if (file !== undefined) return checkedKey(readKeyFile(resolve(cwd, file), '--key-file'), '--key-file')
  const { TAILRACE_KEY: ownKey = '', TAILRACE_KEY_FILE: ownFile = '' } = env
  if (ownKey.trim() !== '') return checkedKey(ownKey, 'TAILRACE_KEY')
  if (ownFile === '') return undefined
  return checkedKey(readKeyFile(resolve(cwd, ownFile), 'TAILRACE_KEY_FILE'), 'TAILRACE_KEY_FILE')
}

/** A token cannot sign: only whoever has the key itself. Throws UsageError. */
export function checkSigningKey(key: string | undefined): void {
  const hint = 'Such as trk_…, with --key-file or TAILRACE_KEY; one with role write.'
  if (key === undefined) throw new UsageError('--sign needs a key to sign with', hint)
  if (!KEY.test(key)) throw new UsageError('--sign takes a whole key, which this is not', hint)
}

function checkedKey(text: string, origin: string): string {
  const key = text.trim()
  if (key === '') throw new UsageError(`There is no key in ${origin}`)
  if (BEARER.test(key)) return key
  const at = key.search(/[^A-Za-z0-9._~+/=-]/)
  throw new UsageError(
    `What ${origin} holds is no key: its character ${(at === -1 ? key.indexOf('=') : at) + 1} cannot be there`,
    'A key is one word such as trk_…, without quotes.',
  )
}

/** Reads a bounded part: whatever the file is, it may be one without end. */
function readKeyFile(path: string, origin: string): string {
  const bytes = Buffer.alloc(KEY_FILE_BYTES_MAX + 1)
  let length = 0
  try {
    const file = openSync(path, 'r')
    try {
      let read = -1
      while (read !== 0 && length < bytes.length) {
        read = readSync(file, bytes, length, bytes.length - length, null)
        length += read
      }
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw new UsageError(`The file of ${origin} cannot be read: ${(error as Error).message}`)
  }
  if (length > KEY_FILE_BYTES_MAX) throw new UsageError(`The file of ${origin} is too long to hold a key: ${path}`)
  return bytes.toString('utf8', 0, length)
}
