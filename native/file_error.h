#pragma once

#include <stdexcept>

namespace napi_torch {

// A file cannot be read. Becomes TORCH_FILE in JavaScript.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace napi_torch
