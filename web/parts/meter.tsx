/** How much of something is used: a bar, with the figures beside it in words. */
export function Meter({ name, used, max, text }: { name: string; used: number; max: number; text: string }) {
  const share = max <= 0 ? 0 : Math.min(1, used / max)
  return (
    <div class="meter">
      <meter class={share > 0.85 ? 'high' : ''} aria-label={name} min={0} max={1} value={share}>
        {text}
      </meter>
      <span>{text}</span>
    </div>
  )
}
