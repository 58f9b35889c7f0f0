/**
 * Some browsers name a language that is none (`en-US@posix`, where the system has no locale). Whatever formats numbers by
 * it at import, as uPlot does, would throw, and nothing of the page would be seen. Imported before everything else.
 */
export function repairLanguage(browser: { readonly language: string }): void {
  try {
    Intl.getCanonicalLocales(browser.language)
  } catch {
    Object.defineProperty(browser, 'language', { value: 'en-US' })
  }
}

repairLanguage(navigator)
