/** CSV after RFC 4180, with cells that a spreadsheet would run as a formula made plain text by an apostrophe. */

const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/
const FORMULA = /^[=+\-@\t\r\n]/

/** One line with its CRLF. `isText[i]` says whether cell i may hold text that somebody else wrote. */
export function csvLine(cells: readonly unknown[], isText: readonly boolean[]): string {
  let line = ''
  for (let index = 0; index < cells.length; index++) {
    if (index > 0) line += ','
    line += csvCell(cells[index], isText[index] ?? true)
  }
  return `${line}\r\n`
}

function csvCell(value: unknown, isText: boolean): string {
  if (value === null || value === undefined) return ''
  let text = typeof value === 'string' ? value : JSON.stringify(value)
  if (isText && FORMULA.test(text)) text = `'${text}`
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
