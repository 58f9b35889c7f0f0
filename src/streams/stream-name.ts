/** UTF-8 bytes of a name. */
export const STREAM_NAME_BYTES_MAX = 512

/** What a person or a terminal would not see, or obey. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** What is wrong with the name of a stream, in a sentence; `undefined`: nothing. */
export function streamNameProblem(name: string): string | undefined {
  if (name === '') return 'a stream needs a name'
  if (Buffer.byteLength(name) > STREAM_NAME_BYTES_MAX) {
    return `the name is longer than ${STREAM_NAME_BYTES_MAX} bytes`
  }
  if (UNSEEN.test(name)) return 'the name has a character that cannot be seen'
  if (name.includes('\\')) return 'the name has a backslash: its parts are separated by slashes'
  const parts = name.split('/')
  if (parts.includes(''))
    return 'the name has an empty part: it neither begins nor ends with a slash, nor has two in a row'
  if (parts.some((part) => part === '.' || part === '..')) return 'no part of the name may be . or ..'
  return undefined
}

/** The path of a stream in an address. */
export function streamPath(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}
