/** Endings of the image files that are decoded. */
export const IMAGE_FILE = /\.(?:jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|bmp|dib|p[bgpn]m)$/i
