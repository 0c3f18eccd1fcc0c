#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../../convert.h"
#include "../../engine/plan/spec_reader.h"
#include "../../error.h"
#include "../image.h"
#include "../prepare.h"
#include "../worker.h"
#include "formats.h"

namespace napi_torch {
namespace {

using image::BmpRuns;
using image::Compression;
using image::FileBytes;
using image::GifFrame;
using image::Layout;
using image::NumberType;
using image::PixelKind;
using image::PnmText;
using image::Rows;
using image::Size;
using image::TiffBlocks;
// A field of the options that JavaScript hands over.
using Field = engine::SpecReader;

constexpr int64_t kMaxSide = int64_t{1} << 27;
constexpr int64_t kMaxPixels = int64_t{1} << 31;
constexpr int64_t kMaxOffset = int64_t{1} << 52;

constexpr std::pair<const char*, PixelKind> kKinds[] = {
    {"index", PixelKind::kIndex},   {"pick", PixelKind::kPick},     {"cmyk", PixelKind::kCmyk},
    {"clip", PixelKind::kClip},     {"scale", PixelKind::kScale},   {"associated", PixelKind::kAssociated},
    {"rgb555", PixelKind::kRgb555}, {"rgb565", PixelKind::kRgb565},
};
constexpr std::pair<const char*, NumberType> kTypes[] = {
    {"uint8", NumberType::kUint8},     {"uint12", NumberType::kUint12}, {"uint16", NumberType::kUint16},
    {"int16", NumberType::kInt16},     {"int32", NumberType::kInt32},   {"uint32", NumberType::kUint32},
    {"float32", NumberType::kFloat32},
};
constexpr std::pair<const char*, Compression> kCompressions[] = {
    {"none", Compression::kNone},
    {"packbits", Compression::kPackBits},
    {"lzw", Compression::kLzw},
    {"deflate", Compression::kDeflate},
};

template <typename Value, size_t count>
Value ReadName(const Field& field, const std::pair<const char*, Value> (&names)[count]) {
  const std::string text = field.Text();
  for (const auto& [name, value] : names) {
    if (text == name) return value;
  }
  throw field.Expected("a known name");
}

int64_t IntegerOr(const Field& options, const char* name, int64_t max, int64_t otherwise) {
  return options.Has(name) ? options[name].Integer(0, max) : otherwise;
}

std::vector<uint8_t> ReadTable(const Field& field) {
  const Bytes bytes = ToBytes(field.value(), field.path());
  if (bytes.length != 768) throw field.Expected("768 bytes");
  return {bytes.data, bytes.data + bytes.length};
}

// A Float64Array of byte positions.
std::vector<int64_t> ReadPositions(const Field& field) {
  if (!field.value().IsTypedArray() || field.value().As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    throw field.Expected("a Float64Array");
  }
  const auto numbers = field.value().As<Napi::Float64Array>();
  std::vector<int64_t> positions(numbers.ElementLength());
  for (size_t i = 0; i < positions.size(); ++i) {
    const double number = numbers.Data()[i];
    if (!(number >= 0 && number <= static_cast<double>(kMaxOffset))) throw field.Expected("positions in a file");
    positions[i] = static_cast<int64_t>(number);
  }
  return positions;
}

Layout ReadLayout(const Field& field) {
  Layout layout;
  layout.kind = ReadName(field["kind"], kKinds);
  layout.bits = IntegerOr(field, "bits", 8, layout.bits);
  layout.stride = IntegerOr(field, "stride", 64, layout.stride);
  layout.channels = IntegerOr(field, "channels", 3, layout.channels);
  layout.max_value = IntegerOr(field, "maxValue", 65535, layout.max_value);
  if (field.Has("type")) layout.type = ReadName(field["type"], kTypes);
  if (field.Has("bigEndian")) layout.big_endian = field["bigEndian"].Boolean();
  if (field.Has("table")) layout.table = ReadTable(field["table"]);
  if (field.Has("offsets")) {
    const std::vector<Field> items = field["offsets"].Items();
    for (size_t i = 0; i < items.size() && i < layout.offsets.size(); ++i) layout.offsets[i] = items[i].Integer(0, 64);
  }
  if (const char* const fault = LayoutFault(layout)) throw field.Expected(fault);
  return layout;
}

Size ReadSize(const Field& field) {
  const std::array<int64_t, 2> size = field.Pair(0, kMaxSide);
  if (size[0] > 0 && size[1] > kMaxPixels / size[0]) throw field.Expected("fewer pixels");
  return {size[0], size[1]};
}

// Calls `decode(file, size, rgb)` on a pool thread and gives the promise of the RGB bytes. The last step of an entry
// point, as JavaScript, a getter for example, could take the memory away: this runs none.
template <typename Decode>
Napi::Value QueueDecode(Napi::Env env, const Field& data, const Size& size, Decode decode) {
  auto output = NewUint8Array(env, static_cast<size_t>(size.height * size.width * 3));
  const Bytes bytes = ToBytes(data.value(), data.path());
  std::vector<BorrowedArray> borrowed = BorrowImage(env, bytes);
  const FileBytes file{borrowed[0].data(), static_cast<int64_t>(borrowed[0].length())};
  const auto work = [file, size, out = output.Data(), decode = std::move(decode)] { decode(file, size, out); };
  return QueueImageWork(env, std::move(borrowed), output, work);
}

// decodeRows({ data, size, offset, step, bottomUp, layout }): Promise<Uint8Array>
Napi::Value DecodeRows(const Napi::CallbackInfo& info) {
  const Field options(info[0], "decodeRows");
  const Field data = options["data"];
  const Size size = ReadSize(options["size"]);
  Rows rows;
  rows.offset = options["offset"].Integer(0, kMaxOffset);
  rows.step = options["step"].Integer(0, kMaxOffset >> 28);
  rows.bottom_up = options["bottomUp"].Boolean();
  rows.layout = ReadLayout(options["layout"]);
  return QueueDecode(info.Env(), data, size,
                     [rows = std::move(rows)](const FileBytes& file, const Size& size, uint8_t* rgb) {
                       image::DecodeRows(file, size, rows, rgb);
                     });
}

// decodeTiff({ data, size, block, tiled, compression, predictorBytes, samples, separate, reversedBits, bigEndian,
//              layout, offsets, counts }): Promise<Uint8Array>
Napi::Value DecodeTiff(const Napi::CallbackInfo& info) {
  const Field options(info[0], "decodeTiff");
  const Field data = options["data"];
  const Size size = ReadSize(options["size"]);
  TiffBlocks blocks;
  blocks.block = ReadSize(options["block"]);
  blocks.tiled = options["tiled"].Boolean();
  blocks.compression = ReadName(options["compression"], kCompressions);
  blocks.predictor_bytes = options["predictorBytes"].Integer(0, 4);
  blocks.samples = options["samples"].Integer(1, 64);
  blocks.planes = options["separate"].Integer(1, 16);
  blocks.reversed_bits = options["reversedBits"].Boolean();
  blocks.big_endian = options["bigEndian"].Boolean();
  blocks.layout = ReadLayout(options["layout"]);
  blocks.offsets = ReadPositions(options["offsets"]);
  blocks.counts = ReadPositions(options["counts"]);
  if (const char* const fault = TiffFault(size, blocks)) throw options.Expected(fault);
  return QueueDecode(info.Env(), data, size,
                     [blocks = std::move(blocks)](const FileBytes& file, const Size& size, uint8_t* rgb) {
                       image::DecodeTiff(file, size, blocks, rgb);
                     });
}

// decodeGif({ data, size, offset, codeBits, corner, frame, interlaced, background, table }): Promise<Uint8Array>
Napi::Value DecodeGif(const Napi::CallbackInfo& info) {
  const Field options(info[0], "decodeGif");
  const Field data = options["data"];
  const Size size = ReadSize(options["size"]);
  GifFrame frame;
  frame.offset = options["offset"].Integer(0, kMaxOffset);
  frame.code_bits = options["codeBits"].Integer(1, 8);
  const std::array<int64_t, 2> corner = options["corner"].Pair(0, kMaxSide);
  frame.top = corner[0];
  frame.left = corner[1];
  frame.size = ReadSize(options["frame"]);
  frame.interlaced = options["interlaced"].Boolean();
  frame.background = options["background"].Integer(0, 255);
  frame.table = ReadTable(options["table"]);
  if (frame.size.height < 1 || frame.size.width < 1 || frame.top + frame.size.height > size.height ||
      frame.left + frame.size.width > size.width) {
    throw options.Expected("a frame inside the image");
  }
  return QueueDecode(info.Env(), data, size,
                     [frame = std::move(frame)](const FileBytes& file, const Size& size, uint8_t* rgb) {
                       image::DecodeGif(file, size, frame, rgb);
                     });
}

// decodeBmpRuns({ data, size, offset, halfBytes, bottomUp, table }): Promise<Uint8Array>
Napi::Value DecodeBmpRuns(const Napi::CallbackInfo& info) {
  const Field options(info[0], "decodeBmpRuns");
  const Field data = options["data"];
  const Size size = ReadSize(options["size"]);
  BmpRuns runs;
  runs.offset = options["offset"].Integer(0, kMaxOffset);
  runs.half_bytes = options["halfBytes"].Boolean();
  runs.bottom_up = options["bottomUp"].Boolean();
  runs.table = ReadTable(options["table"]);
  return QueueDecode(info.Env(), data, size,
                     [runs = std::move(runs)](const FileBytes& file, const Size& size, uint8_t* rgb) {
                       image::DecodeBmpRuns(file, size, runs, rgb);
                     });
}

// decodePnmText({ data, size, offset, channels, maxValue }): Promise<Uint8Array>
Napi::Value DecodePnmText(const Napi::CallbackInfo& info) {
  const Field options(info[0], "decodePnmText");
  const Field data = options["data"];
  const Size size = ReadSize(options["size"]);
  PnmText text;
  text.offset = options["offset"].Integer(0, kMaxOffset);
  text.channels = options["channels"].Integer(1, 3);
  text.max_value = options["maxValue"].Integer(0, 65535);
  if (text.channels == 2) throw options["channels"].Expected("1 or 3");
  return QueueDecode(info.Env(), data, size, [text](const FileBytes& file, const Size& size, uint8_t* rgb) {
    image::DecodePnmText(file, size, text, rgb);
  });
}

// orientImage({ data, size, orientation }): Promise<Uint8Array>
Napi::Value OrientImage(const Napi::CallbackInfo& info) {
  const Field options(info[0], "orientImage");
  const Field data = options["data"];
  const Size size = ReadSize(options["size"]);
  const int64_t orientation = options["orientation"].Integer(1, 8);
  return QueueDecode(info.Env(), data, size, [orientation](const FileBytes& file, const Size& size, uint8_t* rgb) {
    if (file.size < size.height * size.width * 3) throw image::DecodeError("It is truncated");
    image::Orient(file.data, size, orientation, rgb);
  });
}

// rgbToGray(data): Promise<Uint8Array>
Napi::Value RgbToGray(const Napi::CallbackInfo& info) {
  const Field data(info[0], "data");
  const Bytes bytes = ToBytes(data.value(), data.path());
  const auto pixels = static_cast<int64_t>(bytes.length / 3);
  auto output = NewUint8Array(info.Env(), static_cast<size_t>(pixels));
  std::vector<BorrowedArray> borrowed = BorrowImage(info.Env(), bytes);
  const auto work = [rgb = borrowed[0].data(), pixels, out = output.Data()] {
    for (int64_t i = 0; i < pixels; ++i) out[i] = image::Luma(rgb + i * 3);
  };
  return QueueImageWork(info.Env(), std::move(borrowed), output, work);
}

// invertImage(data): Promise<Uint8Array>
Napi::Value InvertImage(const Napi::CallbackInfo& info) {
  const Field data(info[0], "data");
  const Bytes bytes = ToBytes(data.value(), data.path());
  auto output = NewUint8Array(info.Env(), bytes.length);
  std::vector<BorrowedArray> borrowed = BorrowImage(info.Env(), bytes);
  const auto work = [in = borrowed[0].data(), length = bytes.length, out = output.Data()] {
    for (size_t i = 0; i < length; ++i) out[i] = static_cast<uint8_t>(255 - in[i]);
  };
  return QueueImageWork(info.Env(), std::move(borrowed), output, work);
}

}  // namespace

void InitDecode(Napi::Env env, Napi::Object exports) {
  Export<DecodeRows>(env, exports, "decodeRows");
  Export<DecodeTiff>(env, exports, "decodeTiff");
  Export<DecodeGif>(env, exports, "decodeGif");
  Export<DecodeBmpRuns>(env, exports, "decodeBmpRuns");
  Export<DecodePnmText>(env, exports, "decodePnmText");
  Export<OrientImage>(env, exports, "orientImage");
  Export<RgbToGray>(env, exports, "rgbToGray");
  Export<InvertImage>(env, exports, "invertImage");
}

}  // namespace napi_torch
