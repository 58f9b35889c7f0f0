import { expect, test } from 'vitest'
import { csvLine } from './csv.ts'

test.each([
  [['a', 'b'], 'a,b'],
  [['a,b', 'say "hi"', 'two\nlines'], '"a,b","say ""hi""","two\nlines"'],
  [['', null, undefined], ',,'],
  [['=1+1', '+1', '-1', '@x', '\tx', '\rx', '\n=1'], `'=1+1,'+1,'-1,'@x,'\tx,"'\rx","'\n=1"`],
  [['=HYPERLINK("http://x","y")'], `"'=HYPERLINK(""http://x"",""y"")"`],
  [[' padded '], '" padded "'],
  [[{ a: 1 }, [1, 2], true, 1.5], '"{""a"":1}","[1,2]",true,1.5'],
])('%j', (cells, line) => {
  expect(csvLine(cells, [])).toBe(`${line}\r\n`)
})

test('numbers keep their sign', () => {
  expect(csvLine(['-5', -5], [false, false])).toBe('-5,-5\r\n')
})
