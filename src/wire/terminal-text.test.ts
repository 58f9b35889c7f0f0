import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plainLine } from './terminal-text.ts'

test.each<[string, string]>([
  ['plain', 'plain'],
  ['', ''],
  ['\x1b[31mred\x1b[0m', 'red'],
  ['\x1b[1;38;5;208mbold orange\x1b[m!', 'bold orange!'],
  ['\x1b[38:2::255:0:0mtrue colour\x1b[0m', 'true colour'],
  ['\x1b[2K\x1b[1Gstep 2', 'step 2'],
  ['\x1b[?25lhidden cursor\x1b[?25h', 'hidden cursor'],
  ['\x1b]0;window title\x07text', 'text'],
  ['\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\', 'link'],
  ['\x1bPdevice\x1b\\text', 'text'],
  ['\x1b(Btext\x1b=', 'text'],
  ['\x1bMtext', 'text'],
  ['cut off \x1b[3', 'cut off '],
  ['cut off \x1b', 'cut off '],
  ['title \x1b]0;never ends', 'title '],
  ['10%\r 20%\r100%', '100%'],
  ['100%\r', '100%'],
  ['100%\r\x1b[K', '100%'],
  ['done\r   \r', 'done'],
  ['\r', ''],
  ['\r\r\r', ''],
  ['abc\b\bX', 'aX'],
  ['größe\b\be', 'gröe'],
  ['\b\b', ''],
  ['tab\tstays', 'tab\tstays'],
  ['Größe 你好 🚀', 'Größe 你好 🚀'],
])('%j', (line, plain) => expect(plainLine(Buffer.from(line)).toString()).toBe(plain))

test('bytes that are no text stay', () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x41])
  expect(plainLine(bytes)).toBe(bytes)
  expect(plainLine(Buffer.concat([Buffer.from('\x1b[1m'), bytes]))).toEqual(bytes)
})

test('nothing that a terminal obeys is left, whatever was printed', () =>
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('\x1b', '[', ']', '(', '3', ';', 'm', '\r', '\b', '\x07', '\\', 'x', ' ', 'ü')),
      (parts) => {
        const plain = plainLine(Buffer.from(parts.join(''))).toString()
        expect(['\x1b', '\r', '\b'].filter((control) => plain.includes(control))).toEqual([])
        expect(plainLine(Buffer.from(plain)).toString()).toBe(plain)
      },
    ),
  ))
