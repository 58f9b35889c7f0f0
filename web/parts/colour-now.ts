/** What a name of `tokens.css` stands for now. A canvas does not understand `light-dark()`: the browser says which it is. */
export function colourNow(name: string): string {
  const value = getComputedStyle(document.documentElement).getPropertyValue(name)
  if (!value.includes('light-dark')) return value
  const probe = document.createElement('i')
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
