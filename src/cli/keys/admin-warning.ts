import { escapeText } from '../../core/escape.ts'
import type { Output } from '../terminal/terminal.ts'
import type { KeysDoor } from './door.ts'

/** Without a valid admin key nobody can make or revoke keys over the API. */
export async function warnWithoutAdmin(hasAdmin: boolean, { folder }: KeysDoor, err: Output): Promise<void> {
  if (hasAdmin) return
  const place = folder ? escapeText(folder.path) : '<data folder>'
  await err.write(
    `${err.colors.yellow('warn')} No admin key is valid: keys can be managed only on the server's machine. Make one:\n` +
      `  tailrace keys create --role admin --data ${place}\n`,
  )
}
