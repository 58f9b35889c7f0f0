import { inspectKeys, type KeysInspection } from '../../app/keys.ts'
import { isLoopback } from '../../core/loopback.ts'
import type { Config } from '../../app/config.ts'
import { countValidKeys } from '../../client/keys.ts'
import { AppError } from '../../core/errors.ts'
import type { Role } from '../../core/principal.ts'
import type { Finding } from './finding.ts'

const subject = 'access'

/** Who would be let in by a server with these settings, and by which keys. */
export async function checkAccess(config: Config, nowMs: number): Promise<Finding[]> {
  try {
    const found = await inspectKeys(config.data)
    const counts = countValidKeys(found.keys, nowMs)
    return [doorFinding(config, found, counts), ...tableFindings(config, found, counts)]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [{ state: 'wrong', subject, text: error.detail ?? error.title, hint: error.hint }]
  }
}

type Counts = Record<Role, number>

/** Whether it starts at all, and whom it asks for a key. */
function doorFinding({ host, data }: Config, { file, isUnused }: KeysInspection, counts: Counts): Finding {
  const isHere = isLoopback(host)
  const valid = counts.admin + counts.read + counts.write
  const make = `Make one with\n  tailrace keys create --role admin --data ${data}`
  if (valid > 0) {
    const reach = isHere ? `${host} can be reached from this machine only` : `${host} can be reached by others`
    return {
      state: 'ok',
      subject,
      text: `everybody shows a key (valid: ${countsText(counts)}); ${reach}`,
    }
  }
  if (isHere && !file) {
    const text = `open: there are no keys, so everybody on this machine may do everything; nobody else reaches ${host}`
    return { state: 'ok', subject, text }
  }
  if (isHere) return { state: 'warn', subject, text: 'nobody is let in: no key is valid any more', hint: make }
  if (!file && isUnused) {
    const text = `${host} can be reached by others, and there are no keys: the first start makes an admin key and shows it once`
    return { state: 'note', subject, text }
  }
  const why = file ? 'no key is valid any more' : 'there are no keys'
  const text = `a server with these settings does not start: ${host} can be reached by others, and ${why}`
  return { state: 'wrong', subject, text, hint: make }
}

/** What is odd about the table of keys. */
function tableFindings({ data }: Config, { file }: KeysInspection, counts: Counts): Finding[] {
  const findings: Finding[] = []
  if (file && (file.mode & 0o077) !== 0) {
    findings.push({
      state: 'warn',
      subject,
      text: `${file.path} could be read by others until now (mode ${file.mode.toString(8)})`,
      hint: 'Who read it can forge signed requests and log in as any key: revoke the keys if that may be.',
    })
  }
  if (counts.admin === 0 && counts.read + counts.write > 0) {
    findings.push({
      state: 'warn',
      subject,
      text: 'no admin key is valid: keys cannot be made or revoked over the API',
      hint: `Make one with\n  tailrace keys create --role admin --data ${data}`,
    })
  }
  return findings
}

/** `1 admin, 2 read, 3 write` */
function countsText({ admin, read, write }: Counts): string {
  return `${admin} admin, ${read} read, ${write} write`
}
