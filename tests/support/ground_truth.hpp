/// Reads the tables of tests/data (see tests/data/README.md for their sources).
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace test {

using Histogram = std::map<std::uint64_t, std::uint64_t>;

/// The rows of a tab-separated file without comments and empty lines.
inline std::vector<std::vector<std::string>> read_rows(const std::string& name) {
  std::ifstream file(std::string(ORBITMILL_TEST_DATA) + "/" + name);
  EXPECT_TRUE(file) << name;
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');) fields.push_back(field);
    rows.push_back(fields);
  }
  EXPECT_FALSE(rows.empty()) << name;
  return rows;
}

/// "1:1,15:1" -> {{1, 1}, {15, 1}}.
inline Histogram read_histogram(const std::string& text) {
  Histogram histogram;
  std::istringstream stream(text);
  for (std::string entry; std::getline(stream, entry, ',');) {
    const std::size_t colon = entry.find(':');
    histogram[std::stoull(entry.substr(0, colon))] = std::stoull(entry.substr(colon + 1));
  }
  return histogram;
}

}  // namespace test
