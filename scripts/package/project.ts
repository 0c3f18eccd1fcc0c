/** Where the project lives: the one line to change before the first release. Provenance of npm fails unless it is true. */
export const REPOSITORY = 'https://github.com/napi-torch/napi-torch'

/** Who publishes the packages. */
export const AUTHOR = 'The napi-torch contributors'

/** Address of a file of a release, to read. */
export function pageOf(path: string, version: string): string {
  return `${REPOSITORY}/blob/v${version}/${path}`
}

/** Address of a file of a release itself, such as an image. */
export function rawOf(path: string, version: string): string {
  return `${REPOSITORY.replace('https://github.com/', 'https://raw.githubusercontent.com/')}/v${version}/${path}`
}

/** The fields of a manifest that say where a package is from; `directory` is its folder in the checkout. */
export function originFields(directory?: string): Readonly<Record<string, unknown>> {
  const folder = directory === undefined ? {} : { directory }
  return {
    author: AUTHOR,
    homepage: `${REPOSITORY}#readme`,
    bugs: { url: `${REPOSITORY}/issues` },
    repository: { type: 'git', url: `git+${REPOSITORY}.git`, ...folder },
  }
}
