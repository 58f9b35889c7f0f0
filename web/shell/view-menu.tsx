import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Icon } from '../parts/icon.tsx'
import { Popover } from '../parts/popover.tsx'
import type { View } from './views.ts'

export interface ViewMenuProps {
  views: readonly View[]
  /** Of the view that is open. */
  path: string
  /** Below the views. */
  children?: ComponentChildren
}

/** The views, where the bar has no room for all their names: one button that says which is open. */
export function ViewMenu({ views, path, children }: ViewMenuProps) {
  const [isOpen, setOpen] = useState(false)
  const current = views.find((view) => view.path === path)
  const text = (
    <span class="view-menu-name">
      {current?.name ?? 'Views'}
      <Icon name="chevron" />
    </span>
  )
  return (
    <nav class="view-menu" aria-label="Views">
      <Popover button={{ kind: 'quiet', children: text }} title="Views" isOpen={isOpen} onToggle={setOpen}>
        <ul onClick={() => setOpen(false)}>
          {views.map((view) => (
            <li key={view.path}>
              <a href={view.path} aria-current={view.path === path ? 'page' : undefined}>
                {view.name}
              </a>
            </li>
          ))}
        </ul>
        {children}
      </Popover>
    </nav>
  )
}
