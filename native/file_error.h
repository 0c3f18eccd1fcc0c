#pragma once

#include <stdexcept>

namespace napi_torch {

// A file that cannot be read; becomes TORCH_FILE.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace napi_torch
