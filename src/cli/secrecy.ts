/** Keys and passwords on the command line, and keeping them out of everything that is shown. */

const SECRET_FLAG = '--key'
const MASK = '…'
/** Keys, tokens and sessions; the id of a key is no secret. Shorter ones are no whole secret. */
const KEY_TEXT = /(tr[kts]_(?:[a-z0-9]{12}_)?)[A-Za-z0-9_.~+/=-]{20,}/g
/** User and password in a URL. */
const URL_USER = /(:\/\/)[^\s"']*@/g

/** The text without the secrets in it, for messages. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(KEY_TEXT, `$1${MASK}`).replaceAll(URL_USER, `$1${MASK}@`)
}

/** Command line arguments as others may see them. */
export function maskedArguments(given: readonly string[]): string[] {
  return given.map((argument, index) => {
    if (given[index - 1] === SECRET_FLAG) return MASK
    if (argument.startsWith(`${SECRET_FLAG}=`)) return `${SECRET_FLAG}=${MASK}`
    return withoutSecrets(argument)
  })
}

/**
 * Takes secrets among the arguments out of what the machine's list of processes shows. Until this is called they can
 * be seen there.
 */
export function hideSecrets(program: Pick<NodeJS.Process, 'argv' | 'argv0' | 'title'>): void {
  const [, script = '', ...given] = program.argv
  const masked = maskedArguments(given)
  if (masked.every((argument, index) => argument === given[index])) return
  program.title = [program.argv0, script, ...masked].join(' ')
}
