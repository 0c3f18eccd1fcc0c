#include "image.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../convert.h"
#include "../engine/plan/spec_reader.h"
#include "../error.h"
#include "kernels/kernels.h"
#include "prepare.h"
#include "resample.h"
#include "worker.h"

namespace napi_torch {
namespace {

using image::Box;
using image::Filter;
using image::Isa;
using image::Kernels;
using image::kMaxSide;
using image::Preparation;
using image::Raster;
using image::Resizing;
// A field of the options that JavaScript hands over.
using Field = engine::SpecReader;

constexpr int64_t kMaxOffset = int64_t{1} << 48;  // In floats: more than memory has, and far from an overflow.

constexpr std::pair<const char*, Filter> kFilters[] = {
    {"nearest", Filter::kNearest}, {"box", Filter::kBox},         {"bilinear", Filter::kBilinear},
    {"hamming", Filter::kHamming}, {"bicubic", Filter::kBicubic}, {"lanczos", Filter::kLanczos},
};

Filter ReadFilter(const Field& field) {
  const std::string name = field.Text();
  for (const auto& [known, filter] : kFilters) {
    if (name == known) return filter;
  }
  throw field.Expected("a resampling filter");
}

std::vector<float> ReadFloats(const Field& field) {
  std::vector<float> numbers;
  for (const Field& item : field.Items()) {
    if (!item.IsNumber()) throw item.Expected("a number");
    numbers.push_back(item.value().As<Napi::Number>().FloatValue());
  }
  return numbers;
}

Box ReadBox(const Field& field) {
  const std::vector<float> edges = ReadFloats(field);
  if (edges.size() != 4) throw field.Expected("an array of four numbers");
  return {edges[0], edges[1], edges[2], edges[3]};
}

// One number for each channel of an image, or one for all.
std::array<float, 3> ReadPerChannel(const Field& field, int64_t channels) {
  const std::vector<float> numbers = ReadFloats(field);
  if (numbers.size() == 1) return {numbers[0], numbers[0], numbers[0]};
  if (numbers.size() != 3 || channels != 3) throw field.Expected("one number, or one for each channel");
  return {numbers[0], numbers[1], numbers[2]};
}

// The kernels of that name, or the best ones.
const Kernels& ReadKernels(const Field& field) {
  if (field.IsNull()) return image::BestKernels();
  const std::string name = field.Text();
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kPortable}) {
    const Kernels* const kernels = image::KernelsOf(isa);
    if (kernels != nullptr && kernels->name == name) return *kernels;
  }
  throw field.Expected("kernels that this CPU can run");
}

// The sizes of an image, without its pixels.
Raster ReadSizes(const Field& image) {
  const int64_t height = image["height"].Integer(0, kMaxSide);
  const int64_t width = image["width"].Integer(0, kMaxSide);
  return {nullptr, height, width, image["channels"].Integer(0, kMaxSide)};
}

// The bytes of `data`, all that an image of the size of `source` has. Read after everything that can run JavaScript, a
// getter for example, as that could take the memory away; this runs none.
Bytes ReadPixels(const Field& data, const Raster& source) {
  const Bytes pixels = ToBytes(data.value(), data.path());
  if (pixels.length != static_cast<size_t>(source.height * source.width * source.channels)) {
    throw data.Expected("height * width * channels bytes");
  }
  return pixels;
}

// Where each row or column of a result is in its source of `size` ones; -1 stands for nowhere.
std::vector<int32_t> ReadPlaces(const Field& field, int64_t size) {
  const Napi::Value value = field.value();
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    throw field.Expected("an Int32Array");
  }
  const Bytes bytes = ToBytes(value, field.path());
  const auto* const places = reinterpret_cast<const int32_t*>(bytes.data);
  std::vector<int32_t> copied(places, places + bytes.length / sizeof(int32_t));
  for (const int32_t place : copied) {
    if (place < -1 || place >= size) throw field.Expected("places in the image, or -1");
  }
  return copied;
}

// gatherPixels({ image: { data, height, width, channels }, rows, columns, fill }): Promise<Uint8Array>
Napi::Value GatherPixels(const Napi::CallbackInfo& info) {
  const Field options(info[0], "gatherPixels");
  const Field image = options["image"];
  const Field data = image["data"];
  Raster source = ReadSizes(image);
  std::vector<uint8_t> fill;
  for (const Field& item : options["fill"].Items()) fill.push_back(static_cast<uint8_t>(item.Integer(0, 255)));
  if (static_cast<int64_t>(fill.size()) != source.channels) {
    throw options["fill"].Expected("a number for each channel");
  }
  const Field row_field = options["rows"];
  const Field column_field = options["columns"];
  std::vector<int32_t> rows = ReadPlaces(row_field, source.height);
  std::vector<int32_t> columns = ReadPlaces(column_field, source.width);

  const size_t length = rows.size() * columns.size() * static_cast<size_t>(source.channels);
  auto output = NewUint8Array(info.Env(), length);
  std::vector<BorrowedArray> borrowed = BorrowImage(info.Env(), ReadPixels(data, source));
  source.pixels = borrowed[0].data();
  const auto work = [source, rows = std::move(rows), columns = std::move(columns), fill = std::move(fill),
                     out = output.Data()]() mutable {
    for (const int32_t row : rows) {
      const uint8_t* const from = source.pixels + row * source.width * source.channels;
      for (const int32_t column : columns) {
        const uint8_t* const pixel = row < 0 || column < 0 ? fill.data() : from + column * source.channels;
        out = std::copy_n(pixel, source.channels, out);
      }
    }
  };
  return QueueImageWork(info.Env(), std::move(borrowed), output, work);
}

// resize({ image: { data, height, width, channels }, size, filter, box, kernels }): Promise<Uint8Array>
Napi::Value Resize(const Napi::CallbackInfo& info) {
  const Field options(info[0], "resize");
  const Field image = options["image"];
  const Field data = image["data"];
  Raster source = ReadSizes(image);
  const std::array<int64_t, 2> size = options["size"].Pair(0, kMaxSide);
  const Filter filter = ReadFilter(options["filter"]);
  const Resizing resizing{size[0], size[1], filter, ReadBox(options["box"])};
  const Kernels& kernels = ReadKernels(options["kernels"]);
  if (const char* const fault = ResampleFault(source, resizing)) throw options.Expected(fault);

  const int64_t length = resizing.height * resizing.width * source.channels;
  auto output = NewUint8Array(info.Env(), static_cast<size_t>(length));
  std::vector<BorrowedArray> borrowed = BorrowImage(info.Env(), ReadPixels(data, source));
  source.pixels = borrowed[0].data();
  const auto work = [source, resizing, &kernels, out = output.Data()] {
    Resample(source, resizing, {0, resizing.height}, {0, resizing.width}, kernels, out);
  };
  return QueueImageWork(info.Env(), std::move(borrowed), output, work);
}

// prepareImage({ image: { data, height, width, channels }, resized, filter, corner, crop, grayscale, channels, mean,
//                std, kernels, output, offset }): Promise<Float32Array>
Napi::Value PrepareImage(const Napi::CallbackInfo& info) {
  const Field options(info[0], "prepareImage");
  const Field image = options["image"];
  const Field data = image["data"];
  const Field target = options["output"];
  Raster source = ReadSizes(image);
  const std::array<int64_t, 2> resized = options["resized"].Pair(0, kMaxSide);
  const Filter filter = ReadFilter(options["filter"]);
  const std::array<int64_t, 2> corner = options["corner"].Pair(-kMaxSide, kMaxSide);
  const std::array<int64_t, 2> crop = options["crop"].Pair(0, kMaxSide);
  Preparation preparation;
  const Box box{0, 0, static_cast<float>(source.width), static_cast<float>(source.height)};
  preparation.resizing = {resized[0], resized[1], filter, box};
  preparation.top = corner[0];
  preparation.left = corner[1];
  preparation.height = crop[0];
  preparation.width = crop[1];
  preparation.grayscale = options["grayscale"].Boolean();
  preparation.channels = options["channels"].Integer(1, 3);
  preparation.mean = ReadPerChannel(options["mean"], preparation.channels);
  preparation.std = ReadPerChannel(options["std"], preparation.channels);
  const Kernels& kernels = ReadKernels(options["kernels"]);
  const Field offset_field = options["offset"];
  const int64_t offset = offset_field.Integer(0, kMaxOffset);
  if (const char* const fault = PrepareFault(source, preparation)) throw options.Expected(fault);

  const int64_t length = preparation.channels * preparation.height * preparation.width;
  const Bytes output = ToBytes(target.value(), target.path());
  if (!target.value().IsTypedArray() || target.value().As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    throw target.Expected("a Float32Array");
  }
  if (offset + length > static_cast<int64_t>(output.length / sizeof(float))) {
    throw offset_field.Expected("an offset from which on the result fits into the output");
  }
  std::vector<BorrowedArray> borrowed = BorrowImage(info.Env(), ReadPixels(data, source));
  source.pixels = borrowed[0].data();
  borrowed.emplace_back(info.Env(), output, "the target", BorrowedArray::Use::kWrite, offset * sizeof(float),
                        length * sizeof(float));
  float* const out = reinterpret_cast<float*>(borrowed[1].data());
  const auto work = [source, preparation, &kernels, out] { Prepare(source, preparation, kernels, out); };
  return QueueImageWork(info.Env(), std::move(borrowed), target.value().As<Napi::Object>(), work);
}

}  // namespace

void InitImage(Napi::Env env, Napi::Object exports) {
  Export<Resize>(env, exports, "resize");
  Export<GatherPixels>(env, exports, "gatherPixels");
  Export<PrepareImage>(env, exports, "prepareImage");
}

}  // namespace napi_torch
