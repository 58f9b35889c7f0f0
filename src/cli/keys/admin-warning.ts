import { escapeText } from '../../core/escape.ts'
import type { Output } from '../terminal/terminal.ts'
import type { KeysDoor } from './door.ts'

/** Without a valid admin key nobody can make or revoke keys over the API. */
export async function warnWithoutAdmin(hasAdmin: boolean, { folder }: KeysDoor, err: Output): Promise<void> {
  if (hasAdmin) return
  const place = folder ? escapeText(folder.path) : '<data folder>'
  const { yellow } = err.colors
  await err.write(`${yellow('warn')} No admin key is valid. On the server's own machine, make one with\n`)
  await err.write(`  tailrace keys create --role admin --data ${place}\n`)
}
