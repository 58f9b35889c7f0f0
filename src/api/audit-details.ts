/** Details as the audit trail wants them: what is not there, or empty, is left out. */
export function withoutEmpty(details: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given = Object.entries(details).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '')
  return Object.fromEntries(given)
}
