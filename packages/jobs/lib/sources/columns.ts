/** What a list may call the place of its images; of several, whichever comes first. */
export const PATH_COLUMNS: readonly string[] = [
  'path',
  'file',
  'filename',
  'file_name',
  'image',
  'image_path',
  'url',
  'image_url',
]
