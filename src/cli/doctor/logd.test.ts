import { expect, test } from 'vitest'
import { loadConfig } from '../../app/config.ts'
import { checkLogd } from './logd.ts'

const SECRETS = { LOGD_READ_SECRET: 'r', LOGD_WRITE_SECRET: 'w' }

test.each<[string, Record<string, string>, string, string]>([
  ['off', { ...SECRETS, TAILRACE_LOGD: 'off' }, 'ok', 'off'],
  ['nobody asked for it', {}, 'note', 'there is no secret'],
  ['asked for without secret', { TAILRACE_LOGD: 'udp://127.0.0.1:6102' }, 'wrong', 'there is no secret'],
  ['both directions', SECRETS, '', 'udp://127.0.0.1:6102: writing signed, reading signed'],
  ['one direction', { LOGD_WRITE_SECRET: 'w' }, '', 'writing signed, reading closed'],
  ['one open', { LOGD_WRITE_SECRET: 'w', TAILRACE_LOGD_INSECURE: 'true' }, '', 'reading open to everybody'],
])('%s', async (_what, env, state, text) => {
  const finding = await checkLogd(loadConfig({ cwd: '/', env }))
  expect(finding.text).toContain(text)
  // Whether the kernel's limit is worth a note depends on the machine.
  expect(state === '' ? ['ok', 'note'] : [state]).toContain(finding.state)
})
