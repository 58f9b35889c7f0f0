import { useEffect, useState } from 'preact/hooks'

/** The colour that a name of `tokens.css` has now, as a canvas takes it. */
export function colourNow(name: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** Changes when the reader's system turns dark or light: what is painted has to be painted again. */
export function useColourScheme(): 'dark' | 'light' {
  const [query] = useState(() => window.matchMedia('(prefers-color-scheme: dark)'))
  const [isDark, setDark] = useState(query.matches)
  useEffect(() => {
    const update = (): void => setDark(query.matches)
    query.addEventListener('change', update)
    return () => query.removeEventListener('change', update)
  }, [query])
  return isDark ? 'dark' : 'light'
}
