// Package eck names the release of ECK whose CustomResourceDefinitions manifests are held against; nothing is compiled.
package eck
