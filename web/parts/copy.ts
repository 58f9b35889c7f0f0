import type { Toasts } from './toast.tsx'

/** Into the clipboard. Without TLS browsers have none for pages of other machines: then the old way. */
export async function copyText(text: string, toasts: Toasts, name = 'Copied'): Promise<void> {
  try {
    // Absent where the page did not come over TLS or from this machine.
    await (navigator as Partial<Navigator>).clipboard?.writeText(text)
    if (!('clipboard' in navigator) && !copySelection(text)) throw new Error('the browser does not allow it')
    toasts.say(name)
  } catch (error) {
    toasts.complain(`Could not copy: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function copySelection(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'unseen'
  document.body.append(area)
  area.select()
  const isCopied = document.execCommand('copy')
  area.remove()
  return isCopied
}
