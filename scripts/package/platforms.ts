/** For which a release must have an addon. Each stands in docs/platforms.md. */
export const PLATFORMS = [
  { name: 'linux-x64', addon: 'napi-torch.glibc.node' },
  { name: 'linux-arm64', addon: 'napi-torch.glibc.node' },
  { name: 'darwin-arm64', addon: 'napi-torch.node' },
  { name: 'win32-x64', addon: 'napi-torch.node' },
] as const

/** The files that `prebuilds/` must hold, relative to it. */
export function expectedPrebuilds(): string[] {
  return PLATFORMS.flatMap(({ name, addon }) => [`${name}/${addon}`, `${name}/preload/napi_torch_preload.node`])
}
