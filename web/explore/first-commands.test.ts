import { expect, test } from 'vitest'
import { firstCommands } from './first-commands.ts'

test('commands are one line each, for this server, with a key where it asks for one', () => {
  const server = { origin: 'http://127.0.0.1:7575', listeners: { logd: '127.0.0.1:6102', forward: '127.0.0.1:24224' } }
  const open = firstCommands({ ...server, isOpen: true })
  const closed = firstCommands({ ...server, isOpen: false })
  for (const { text } of [...open, ...closed]) expect(text).not.toContain('\n')
  expect(open.map(({ text }) => text).join('\n')).not.toContain('TAILRACE_KEY')
  expect(closed.find(({ name }) => name === 'curl')?.text).toContain('Bearer $TAILRACE_KEY')
  expect(open.find(({ name }) => name.endsWith('logd'))?.text).toContain(`host: '127.0.0.1', port: 6102`)
  expect(firstCommands({ ...server, isOpen: true, listeners: {} })).toHaveLength(open.length - 2)
  expect(firstCommands({ ...server, isOpen: true, listeners: { forward: 'unix:///run/f.sock' } })).toHaveLength(
    open.length - 2,
  )
})
