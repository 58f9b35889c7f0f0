import { stripVTControlCharacters } from 'node:util'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createLogger } from './log.ts'

/** A terminal of which one can see what it got. */
function screen() {
  let text = ''
  const stream = new Writable({
    write(bytes: Buffer, _encoding, done) {
      text += bytes.toString('utf8')
      done()
    },
  })
  return { stderr: Object.assign(stream, { isTTY: true }) as unknown as NodeJS.WriteStream, text: () => text }
}

test('a terminal obeys nothing that the log quotes', () => {
  const { stderr, text } = screen()
  const hostile = '\u001b[2J\u009b6n\u202eevil\r\nfake line'
  createLogger('info', stderr).error({ err: new Error(hostile, { cause: new Error(hostile) }), name: hostile }, hostile)
  // Our own colours are the only controls there may be, where the machine that tests has any.
  const shown = stripVTControlCharacters(text())
  expect(shown).toContain(String.raw`\x1b[2J\x9b6n\u202eevil\r\nfake line`)
  expect(shown).not.toMatch(/(?!\n$)[\p{Cc}\p{Cf}]/u)
  expect(shown.split('\n')).toHaveLength(2)
})

test('what is below the level is not said', () => {
  const { stderr, text } = screen()
  const logger = createLogger('warn', stderr)
  logger.info({}, 'quiet')
  logger.warn({ port: 7575 }, 'loud')
  expect(text()).toMatch(/loud.* port=7575/)
  expect(text()).not.toContain('quiet')
})
