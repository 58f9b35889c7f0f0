/** Hands a file over to the browser's downloads, named after this moment. */
export function saveBlob(blob: Blob, ending: string): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = `tailrace-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${ending}`
  document.body.append(link)
  link.click()
  link.remove()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
